/* SPDX-License-Identifier: GPL-2.0 */
/* Redraw samples in place, like top. */
#ifndef LIVE_H
#define LIVE_H

#include <stdbool.h>

struct live;

/* Why live_wait() returns */
enum live_event {
	LIVE_TIMEOUT,
	LIVE_REDRAW,
	LIVE_QUIT,
};

bool live_is_possible(void);
struct live *live_begin(bool orderly);
unsigned int live_height(void);
char *live_message(struct live *live);
void live_draw(struct live *live, const char *status, const char *text);
enum live_event live_wait(struct live *live, double seconds);
void live_end(struct live *live);

#endif /* LIVE_H */
