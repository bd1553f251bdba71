// SPDX-License-Identifier: GPL-2.0
/*
 * tsc - print the frequency in kHz of the counter that rdtsc reads on this machine
 *
 * An emulated CPU has the same frequency. Its kernel cannot measure it reliably on a
 * busy machine, and without the counter it knows the time only to 4 milliseconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

struct moment {
	uint64_t ticks;
	uint64_t ns;
};

/* Read both clocks many times, and return the pair read in the shortest time. */
static struct moment now(void)
{
	struct moment best = { 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		uint64_t before = __rdtsc(), after;
		struct timespec ts;

		clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		after = __rdtsc();
		if (after - before >= shortest)
			continue;
		shortest = after - before;
		best.ticks = before + shortest / 2;
		best.ns = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	}
	return best;
}

int main(void)
{
	struct moment first = now(), last;

	usleep(30000);
	last = now();
	printf("%.0f\n", 1e6 * (last.ticks - first.ticks) / (last.ns - first.ns));
	return 0;
}
