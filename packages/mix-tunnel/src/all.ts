// SPDX-License-Identifier: Apache-2.0
// Everything on the page's side, in one file, so that all entries share its classes and state.
export * from './index.js';
export * from './internal.js';
export { spawnBy } from './tunnel.js';
