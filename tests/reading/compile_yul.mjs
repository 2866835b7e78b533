// Compiles one Yul object with solc-js; prints {compiler, bytecode} as JSON.
// usage: node compile_yul.mjs TOOLS SOURCE SETTINGS
//   TOOLS     folder whose node_modules holds the compiler
//   SETTINGS  JSON: the compiler's settings, without outputSelection
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [tools, source, settings] = process.argv.slice(2);
const solc = createRequire(path.resolve(tools, 'package.json'))('solc');
const input = {
  language: 'Yul',
  sources: { source: { content: fs.readFileSync(source, 'utf8') } },
  settings: { ...JSON.parse(settings), outputSelection: { '*': { '*': ['evm.bytecode.object'] } } },
};
const result = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (result.errors ?? []).filter((e) => e.severity === 'error');
if (errors.length > 0) {
  console.error(errors.map((e) => e.formattedMessage).join('\n'));
  process.exit(1);
}
const [contract] = Object.values(result.contracts.source);
console.log(JSON.stringify({ compiler: solc.version(), bytecode: contract.evm.bytecode.object }));
