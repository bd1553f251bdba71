/* SPDX-License-Identifier: GPL-2.0 */
/* Pictures of address spaces. */
#ifndef PICTURE_H
#define PICTURE_H

#include "dirtycat.h"

void picture_print(const struct control *ctl, unsigned int share,
		   const struct target *target);

#endif /* PICTURE_H */
