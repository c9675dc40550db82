// SPDX-License-Identifier: Apache-2.0
// node fetch.mjs URL: fetches it through the mixnet. MIX_DIRECTORY names another directory than the main network's.
import { createMixFetch, disconnectMixTunnel } from '@lwmix/mix-fetch';

const directory = process.env.MIX_DIRECTORY;
const mixFetch = await createMixFetch({ ephemeral: true, directories: directory ? [directory] : undefined });
const response = await mixFetch(process.argv[2] ?? 'https://example.com/');
console.log(response.status, response.statusText);
for await (const part of response.body) process.stdout.write(part);
await disconnectMixTunnel();
