/* SPDX-License-Identifier: GPL-2.0 */
/* The exit statuses of dirtycat and dirtyckpt, as in their manuals. */
#ifndef COMMON_STATUS_H
#define COMMON_STATUS_H

/* Only dirtyckpt uses the last four. */
enum status {
	STATUS_OK,
	STATUS_USAGE,
	STATUS_NO_PROCESS,
	STATUS_NOT_PERMITTED,
	STATUS_UNSUPPORTED,
	STATUS_VANISHED,
	STATUS_OTHER,
	STATUS_DIFFERS,
	STATUS_DAMAGED,
	STATUS_REFUSED,
	STATUS_NEWER,
};

#endif /* COMMON_STATUS_H */
