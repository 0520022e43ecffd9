/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* For the listener of fanotify, which runs this by itself. */
#pragma once

#include "items.h"

enum { MARKS, DEVICE };

/*
 * What is asked about a file by its descriptor in the process that runs this: its marks, or the device of its file
 * system. The latter is not what `stat` tells: an overlay gives files that of their layer.
 */
SEC("raw_tp/about_descriptor")
int about_fd(u64 *ctx)
{
	struct file *file = file_of(current_task(), ctx[0]);
	if (!file)
		return -1;
	struct inode *inode = READ(file, f_inode);
	if (ctx[1] == MARKS)
		return marks_of(inode);
	struct super_block *super = READ(inode, i_sb);
	return READ(super, s_dev);
}
