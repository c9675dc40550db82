// SPDX-License-Identifier: Apache-2.0
// Builds packages/*/dist: build.mjs [PACKAGE…]. Types by tsc, JavaScript by esbuild. A package's file build.mjs says what is made of it;
// without one it is an index.js for browsers and one for Node.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ALL = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8')).workspaces;
const NODE = 'node20';
const BROWSER = ['chrome111', 'firefox114', 'safari16.4'];
const BANNER = { js: '/* SPDX-License-Identifier: Apache-2.0 */' };

/** Replaces src/NAME.ts by src/NAME.node.ts where there is one. */
const nodeFiles = {
    name: 'node-files',
    setup(build) {
        build.onResolve({ filter: /^\.\/.*\.js$/ }, ({ path, resolveDir }) => {
            const file = join(resolveDir, path.replace(/\.js$/, '.node.ts'));
            return existsSync(file) ? { path: file } : undefined;
        });
    },
};

/** What a package's build.mjs is given. */
function tools(folder) {
    const dist = join(folder, 'dist');
    const common = { absWorkingDir: folder, bundle: true, target: BROWSER, banner: BANNER, legalComments: 'none', logLevel: 'warning', minify: true,
        define: { VERSION: JSON.stringify(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version) } };
    return {
        folder,
        dist,
        /** One ES module of a browser from src/ENTRY.ts. */
        browser: (entry, options = {}) => esbuild.build({ ...common, platform: 'browser', format: 'esm', entryPoints: [`src/${entry}.ts`],
            outfile: join(dist, `${entry}.js`), ...options }),
        /** One CommonJS file of Node; it is the only instance, for `import` as well. */
        node: (entry, options = {}) => esbuild.build({ ...common, platform: 'node', target: NODE, format: 'cjs', entryPoints: [`src/${entry}.ts`],
            minify: false, outfile: join(dist, 'node', `${entry.replace(/\.node$/, '')}.js`), plugins: [nodeFiles], ...options }),
        /** The names that src/ENTRY.ts exports. */
        async names(entry) {
            const { metafile } = await esbuild.build({ ...common, platform: 'browser', format: 'esm', entryPoints: [`src/${entry}.ts`], write: false, metafile: true,
                outdir: dist, external: ['node:*'] });
            return Object.values(metafile.outputs)[0].exports;
        },
        /** dist/ENTRY.js hands on what dist/FROM.js has of these names; so do Node's two forms. */
        handOn(entry, from, names) {
            const list = names.join(', ');
            writeFileSync(join(dist, `${entry}.js`), `${BANNER.js}\nexport { ${list} } from './${from}.js';\n`);
            const node = join(dist, 'node');
            mkdirSync(node, { recursive: true });
            writeFileSync(join(node, `${entry}.js`), `${BANNER.js}\nconst all = require('./${from}.js');\n`
                + names.map((name) => `exports.${name} = all.${name};\n`).join(''));
            this.esmOfNode(entry, names);
        },
        /** dist/node/ENTRY.mjs for the CommonJS file beside it. */
        esmOfNode(entry, names) {
            writeFileSync(join(dist, 'node', `${entry}.mjs`), `${BANNER.js}\nimport all from './${entry}.js';\nexport const { ${names.join(', ')} } = all;\n`);
        },
        /** dist/*.d.ts from src, and once more in dist/node, where they stand for CommonJS. */
        types() {
            const result = spawnSync(process.execPath, [join(HERE, 'node_modules/typescript/bin/tsc'), '-p', folder], { stdio: ['ignore', 'inherit', 'inherit'] });
            if (result.status !== 0) throw new Error(`${folder}: types are wrong`);
            const node = join(dist, 'node');
            mkdirSync(node, { recursive: true });
            writeFileSync(join(node, 'package.json'), '{ "type": "commonjs" }\n');
            for (const file of readdirSync(dist).filter((f) => f.endsWith('.d.ts'))) cpSync(join(dist, file), join(node, file));
        },
    };
}

/** The tunnel stays a package of its own: one instance for all. */
async function buildIndex(tools) {
    const external = ['@lwmix/*'];
    tools.types();
    await tools.browser('index', { external });
    await tools.node('index', { external });
    tools.esmOfNode('index', await tools.names('index'));
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : ALL;
for (const name of ALL.filter((n) => wanted.includes(n))) { // in the order of the list: later ones use the types of earlier ones
    const folder = join(HERE, name);
    rmSync(join(folder, 'dist'), { recursive: true, force: true });
    mkdirSync(join(folder, 'dist', 'node'), { recursive: true });
    const own = join(folder, 'build.mjs');
    const build = existsSync(own) ? (await import(pathToFileURL(own))).build : buildIndex;
    await build(tools(folder));
    cpSync(join(HERE, '../LICENSE'), join(folder, 'dist', 'LICENSE'));
}
if (process.argv.length === 2) writeFileSync(join(HERE, '../build/packages.stamp'), ''); // `make` looks whether anything is newer
