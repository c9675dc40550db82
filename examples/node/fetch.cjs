// SPDX-License-Identifier: Apache-2.0
// The same as CommonJS.
const { createMixFetch, disconnectMixTunnel } = require('@lwmix/mix-fetch');

async function main() {
    const directory = process.env.MIX_DIRECTORY;
    const mixFetch = await createMixFetch({ ephemeral: true, directories: directory ? [directory] : undefined });
    const response = await mixFetch(process.argv[2] ?? 'https://example.com/');
    console.log(response.status, response.statusText);
    console.log(await response.text());
    await disconnectMixTunnel();
}

main();
