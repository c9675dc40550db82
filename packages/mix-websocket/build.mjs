// SPDX-License-Identifier: Apache-2.0
// What dist/ of mix-websocket has: one file for browsers, one for Node. The tunnel stays a package of its own: one instance for all.
const external = ['@lwmix/*'];

export async function build(tools) {
    tools.types();
    await tools.browser('index', { external });
    await tools.node('index', { external });
    tools.esmOfNode('index', await tools.names('index'));
}
