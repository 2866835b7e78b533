// viem's multicall with failures allowed; see worker.py for what goes in and out.
// usage: node viem.mjs PACKAGES BATCH_SIZE
//   PACKAGES    folder whose node_modules holds viem
//   BATCH_SIZE  bytes of calldata of a chunk, or "default"
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const [packages, size] = process.argv.slice(2);
const require = createRequire(path.resolve(packages, 'package.json'));
const { createPublicClient, http, parseAbi } = require('viem');
const abi = parseAbi(['function balanceOf(address account) view returns (uint256)']);

let client, task;
function prepare() {
  const transport = http(task.url, { timeout: 120_000, retryCount: 0 });
  const contracts = { multicall3: { address: task.multicall3 } };
  const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 };
  const chain = { id: 1, name: 'local', nativeCurrency, rpcUrls: { default: { http: [task.url] } }, contracts };
  client = createPublicClient({ chain, transport });
}

async function round() {
  const start = performance.now();
  const contracts = task.wallets.flatMap((wallet) =>
    task.tokens.map((address) => ({ address, abi, functionName: 'balanceOf', args: [wallet] })),
  );
  const found = await client.multicall({
    contracts,
    allowFailure: true,
    blockNumber: BigInt(task.block),
    ...(size === 'default' ? {} : { batchSize: Number(size) }),
  });
  const seconds = (performance.now() - start) / 1000;
  const hash = createHash('sha256');
  for (const { status, result } of found) {
    hash.update(Buffer.from([status === 'success' ? 1 : 0]));
    hash.update(Buffer.from((result ?? 0n).toString(16).padStart(64, '0'), 'hex'));
  }
  return { seconds, digest: hash.digest('hex') };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  if (task === undefined) {
    task = JSON.parse(line);
    prepare();
  } else {
    console.log(JSON.stringify(await round()));
  }
}
