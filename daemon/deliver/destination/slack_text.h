/* SPDX-License-Identifier: Apache-2.0 */
/* Text for Slack that cannot become anything but text. */
#ifndef HARRIER_DELIVER_DESTINATION_SLACK_TEXT_H
#define HARRIER_DELIVER_DESTINATION_SLACK_TEXT_H

#include "harrier/base/buffer.h"
#include "harrier/base/slice.h"

enum slack_span {
    SLACK_PLAIN,
    SLACK_CODE /* between backticks: a backtick in the text becomes an apostrophe, there is no escape for it */
};

/* Appends text with '&', '<' and '>' as entities (docs.slack.dev, formatting message text: that alone takes the meaning from <!channel>,
 * <@U1>, <url|label>), and control and direction-changing characters as blanks. At most limit characters as Slack may count them
 * (entities by their length, characters beyond U+FFFF twice); what is longer is cut between characters and ends in "…".
 * Returns how many of the limit were used. */
size_t slack_append(struct buffer *out, struct slice text, size_t limit, enum slack_span span);

/* The message. blocks: header, fields, evidence and context as Block Kit; without, text alone. alert must be a JSON document. False if it cannot be read. */
bool slack_render(struct slice alert, bool blocks, struct buffer *out);

#endif
