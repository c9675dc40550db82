// SPDX-License-Identifier: Apache-2.0
import '../shared/app.js';
