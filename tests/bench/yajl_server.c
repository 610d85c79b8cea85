/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon is measured against: the least that can be done with a POST by the same libraries. An event and recv into one buffer of
 * 64 KiB, http-parser, and yajl with callbacks that count; nothing is looked at, mapped, judged or stored. One thread. Usage: yajl_server PORT. */
#include "daemon/source/http.h"
#include "harrier/memory.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>
