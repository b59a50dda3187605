/* SPDX-License-Identifier: MIT */
/* The release: `evermoo --version', server_version(). The one place. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define EVERMOO_VERSION "0.1.0"

#endif
