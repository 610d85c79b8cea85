/* SPDX-License-Identifier: Apache-2.0 */
/* harrierd: argv, then the server. */
#include "harrier/config.h"
#include "harrier/base/log.h"
#include "harrier/redact.h"
#include "harrier/server.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static void usage(FILE *out)
{
    fputs("usage: harrierd [-t] [-v] [-c FILE]\n"
          "\n"
          "Takes Kubernetes audit events over the audit webhook, runs YARA-L rules over them, and delivers alerts. Runs in the foreground and logs to\n"
          "stderr. SIGTERM ends it once open requests are finished; SIGHUP reads rules, lists and routes again.\n"
          "\n"
          "  -c, --config FILE   the configuration, see harrier.yaml(5); default " HARRIER_SYSCONFDIR "/harrier.yaml\n"
          "  -t, --test          check configuration, rules and lists, and end\n"
          "  -v, --verbose       log more while starting (the configuration's log.level holds from then on)\n"
          "  -h, --help          this text\n"
          "      --help-config   every key of the configuration, with its type, default and bounds\n"
          "  -V, --version       version\n"
          "\n"
          "exit: 0 ended as asked, or the check was good; 64 wrong usage; 69 an address or the store is taken or not usable;\n"
          "      78 configuration, rules or lists are wrong (each error was shown with file, line and remedy)\n",
          out);
}

enum { OPTION_HELP_CONFIG = 256 }; /* it has no letter */

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"test", no_argument, NULL, 't'},
                                            {"verbose", no_argument, NULL, 'v'},      {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},      {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
                                            {NULL, 0, NULL, 0}};
    const char *config_file = HARRIER_SYSCONFDIR "/harrier.yaml";
    int test = 0;
    int option;

    while ((option = getopt_long(argc, argv, "c:tvhV", options, NULL)) != -1) {
        switch (option) {
        case 'c': config_file = optarg; break;
        case 't': test = 1; break;
        case 'v': log_set_level(LOG_LEVEL_DEBUG); break;
        case 'h': usage(stdout); return EX_OK;
        case 'V': puts("harrierd " PACKAGE_VERSION); return EX_OK;
        case OPTION_HELP_CONFIG: config_print_reference(stdout); return EX_OK;
        default: usage(stderr); return EX_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "harrierd: `%s` is one word too many; the configuration is given with -c FILE\n", argv[optind]);
        return EX_USAGE;
    }
    log_use_filter(redact_line);
    return test ? server_check(config_file) : server_run(config_file);
}
