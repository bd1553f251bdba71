/* SPDX-License-Identifier: GPL-2.0 */
/* Samples of a recording, as if they were taken now. */
#ifndef REPLAY_H
#define REPLAY_H

#include "dirtycat.h"
#include "recording.h"

/**
 * struct replay - a recording while it is shown
 * @recording: that recording
 * @run: its targets are those of the last round
 * @found: which of the chosen processes the recording has
 * @any: it has some process that was to be shown
 */
struct replay {
	struct recording recording;
	struct run *run;
	bool *found;
	bool any;
};

void replay_open(struct replay *replay, struct run *run, int fd, const char *name,
		 off_t begin);
bool replay_next(struct replay *replay);
void replay_report_missing(struct replay *replay);
void replay_close(struct replay *replay);

#endif /* REPLAY_H */
