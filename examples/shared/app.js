// SPDX-License-Identifier: Apache-2.0
// The application of all these examples: a URL, a button, and what came through the mixnet.
import { createMixFetch } from '@lwmix/mix-fetch';
import { mixDNS } from '@lwmix/mix-dns';
import { onTunnelEvent } from '@lwmix/mix-tunnel';

const form = document.querySelector('form');
const output = document.querySelector('output');

onTunnelEvent((event) => {
    if (event.kind === 'state') document.querySelector('#state').textContent = event.state.phase ?? event.state.state;
});

form.addEventListener('submit', async (event) => {
    event.preventDefault();
    output.textContent = '…';
    try {
        const url = new URL(new FormData(form).get('url'));
        const mixFetch = await createMixFetch();
        const [address, response] = await Promise.all([mixDNS(url.hostname), mixFetch(url, { timeoutMs: 60_000 })]);
        output.textContent = `${url.hostname} is ${address}\n${response.status} ${response.statusText}\n${await response.text()}`;
    } catch (error) {
        output.textContent = `${error.name} ${error.code ?? ''}: ${error.message}`;
    }
});
