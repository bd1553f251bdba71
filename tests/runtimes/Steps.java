// SPDX-License-Identifier: GPL-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.concurrent.CyclicBarrier;
import java.util.zip.CRC32;

/** As steps.c, in Java, with garbage collection. */
public class Steps {
	static final int THREADS = 4, BLOCKS = 128;
	static final CyclicBarrier barrier = new CyclicBarrier(THREADS + 1);
	static volatile int toDo;

	static class Worker extends Thread {
		final byte[][] blocks = new byte[BLOCKS][];
		long random;

		int next() {
			random = random * 6364136223846793005L + 1442695040888963407L;
			return (int) (random >>> 33);
		}

		void step() {
			byte[] block = new byte[next() % 5000 + 1];
			for (int n = 0; n < block.length; n += 16)
				block[n] = (byte) next();
			blocks[next() % BLOCKS] = block;
		}

		@Override
		public void run() {
			try {
				for (;;) {
					barrier.await();
					for (int n = 0; n < toDo; n++)
						step();
					barrier.await();
				}
			} catch (Exception e) {
				throw new RuntimeException(e);
			}
		}
	}

	public static void main(String[] args) throws Exception {
		Worker[] workers = new Worker[THREADS];
		for (int t = 0; t < THREADS; t++) {
			workers[t] = new Worker();
			workers[t].random = t;
			workers[t].setDaemon(true);
			workers[t].start();
		}
		System.out.println("ready");
		BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
		int steps = 0;
		for (String line = input.readLine(); line != null; line = input.readLine()) {
			toDo = Integer.parseInt(line.substring("step ".length()));
			barrier.await();
			barrier.await();
			steps += toDo;
			CRC32 digest = new CRC32();
			for (Worker worker : workers)
				for (byte[] block : worker.blocks)
					if (block != null)
						digest.update(block);
			System.out.println(steps + " " + Long.toHexString(digest.getValue()));
		}
	}
}
