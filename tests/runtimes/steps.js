// SPDX-License-Identifier: GPL-2.0
// As steps.c, in JavaScript: two workers with their own heaps, and garbage collection.
"use strict";
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const THREADS = 2, BLOCKS = 128;

class Steps {
	constructor(seed) {
		this.random = seed + 1;
		this.blocks = new Map();
	}

	next() {
		this.random = (Math.imul(this.random, 1664525) + 1013904223) >>> 0;
		return this.random >>> 8;
	}

	step() {
		let text = [];
		for (let n = this.next() % 50; n >= 0; n--)
			text.push({ key: this.next(), value: String(this.next()) });
		this.blocks.set(this.next() % BLOCKS, text);
	}

	digest() {
		return JSON.stringify([...this.blocks.entries()].sort((a, b) => a[0] - b[0]));
	}
}

if (!isMainThread) {
	const steps = new Steps(workerData);
	parentPort.on("message", (count) => {
		for (let n = 0; n < count; n++)
			steps.step();
		parentPort.postMessage(steps.digest());
	});
	return;
}

const workers = [];
for (let t = 0; t < THREADS; t++)
	workers.push(new Worker(__filename, { workerData: t }));

async function main() {
	let made = 0;
	await Promise.all(workers.map((worker) => new Promise((online) => worker.once("online", online))));
	console.log("ready");
	for await (const line of require("readline").createInterface({ input: process.stdin })) {
		const count = Number(line.slice("step ".length));
		const texts = await Promise.all(workers.map((worker) => new Promise((done) => {
			worker.once("message", done);
			worker.postMessage(count);
		})));
		made += count;
		const digest = require("crypto").createHash("sha1");
		texts.forEach((text) => digest.update(text));
		console.log(`${made} ${digest.digest("hex")}`);
	}
}

main().then(() => process.exit());
