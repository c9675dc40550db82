// SPDX-License-Identifier: Apache-2.0
// For Node processes under test (--require): names of a local mixnet's gateways lead to loopback, as the flags of browser.mjs do for Chromium.
const dns = require('node:dns');

const lookup = dns.lookup;
dns.lookup = (name, options, done) => {
    if (!/\.nym\.test$/.test(name)) return lookup(name, options, done);
    const take = typeof options === 'function' ? options : done;
    if (options?.all) process.nextTick(take, null, [{ address: '127.0.0.1', family: 4 }]);
    else process.nextTick(take, null, '127.0.0.1', 4);
};
