import assert from 'node:assert';
import { readFile } from 'node:fs/promises';

const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]));
const { unsigned, with_a_clock: withAClock, without_a_clock: withoutAClock } = instance.exports;
assert.equal(unsigned(), 200);
assert.equal(withAClock(1669872112n), 200);
assert.equal(withAClock(1669872112n - 61n), 403);
assert.throws(withoutAClock, WebAssembly.RuntimeError);
