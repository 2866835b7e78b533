// Compiles one recipe with solc-js.
// usage: node compile.mjs RECIPE TOOLS PACKAGES OWN OUT
//   RECIPE    JSON: compiler, evmVersion, optimizerRuns, viaIR, remappings, sources (see artifacts.py)
//   TOOLS     folder whose node_modules holds the compilers
//   PACKAGES  folder of the contract packages; import paths are relative to it
//   OWN       folder of the kit's own Solidity files, imported as "devnet/..."; a remapping to "devnet:FILE"
//             makes one of them stand for whatever begins with the prefix
//   OUT       JSON: contract name -> {source, abi, bytecode, linkReferences}
// A name that occurs in several sources belongs to the first listed source that defines it.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [recipeFile, tools, packages, own, out] = process.argv.slice(2).map((p) => path.resolve(p));
const recipe = JSON.parse(fs.readFileSync(recipeFile, 'utf8'));
const solc = createRequire(path.join(tools, 'package.json'))(recipe.compiler);
// The longest prefix wins, as in solc itself.
const remappings = Object.entries(recipe.remappings ?? {}).sort((a, b) => b[0].length - a[0].length);

function locate(name) {
  if (name.startsWith('devnet/')) return path.join(own, name.slice('devnet/'.length));
  const hit = remappings.find(([prefix]) => name.startsWith(prefix));
  if (hit?.[1].startsWith('devnet:')) return path.join(own, hit[1].slice('devnet:'.length));
  return path.join(packages, hit ? hit[1] + name.slice(hit[0].length) : name);
}

const input = {
  language: 'Solidity',
  sources: Object.fromEntries(
    recipe.sources.map((name) => [name, { content: fs.readFileSync(locate(name), 'utf8') }]),
  ),
  settings: {
    evmVersion: recipe.evmVersion,
    optimizer: { enabled: true, runs: recipe.optimizerRuns },
    ...(recipe.viaIR ? { viaIR: true } : {}),
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.bytecode.linkReferences'] } },
  },
};
const found = (name) => {
  const file = locate(name);
  return fs.existsSync(file) ? { contents: fs.readFileSync(file, 'utf8') } : { error: `no file ${name}` };
};
const result = JSON.parse(solc.compile(JSON.stringify(input), { import: found }));
const errors = (result.errors ?? []).filter((e) => e.severity === 'error');
if (errors.length > 0) {
  console.error(errors.slice(0, 5).map((e) => e.formattedMessage).join('\n'));
  process.exit(1);
}

const artifacts = {};
const listed = new Set(recipe.sources);
const files = [...recipe.sources, ...Object.keys(result.contracts).filter((f) => !listed.has(f)).sort()];
for (const source of files) {
  for (const [name, contract] of Object.entries(result.contracts[source] ?? {})) {
    artifacts[name] ??= {
      source,
      abi: contract.abi,
      bytecode: contract.evm.bytecode.object,
      linkReferences: contract.evm.bytecode.linkReferences,
    };
  }
}
fs.writeFileSync(out, JSON.stringify(artifacts));
