// SPDX-License-Identifier: Apache-2.0
// Runs before anything is drawn: the colours that were chosen, so that the others don't flash up first.
import { applyTheme, readTheme } from './themes.js';

applyTheme(readTheme());
