/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the library: listings made from /proc/<pid>/pagemap. */
#ifndef DIRTYPAGES_PAGEMAP_H
#define DIRTYPAGES_PAGEMAP_H

#include "dirtypages.h"

bool pagemap_can_scan(int fd);
int pagemap_read(struct dirty_reader *reader, struct dirty_listing *listing,
		 struct dirty_maps *maps);

#endif /* DIRTYPAGES_PAGEMAP_H */
