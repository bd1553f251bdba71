/* SPDX-License-Identifier: GPL-2.0 */
/* Contents of mappings where the process has not written. */
#ifndef MAPPING_H
#define MAPPING_H

#include "process/target.h"

int mapping_open(const struct dirtypages_mapping *mapping);
bool mapping_is_locked(struct target *target,
		       const struct dirtypages_mapping *mapping);
bool mapping_contents(const struct target *target,
		      const struct dirtypages_maps *maps, uint64_t addr, void *page);

#endif /* MAPPING_H */
