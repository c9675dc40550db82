// SPDX-License-Identifier: Apache-2.0
// For `node --import`: the names of a local mixnet's members lead to this machine, in worker threads too.
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

const own = dns.lookup;
dns.lookup = (name, options, callback) => {
    if (typeof options === 'function') return dns.lookup(name, {}, options);
    return own(/\.nym\.test$/.test(name) ? '127.0.0.1' : name, options, callback);
};
syncBuiltinESMExports();
