/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords and tokens in addresses, plain and escaped: scheme://name:password@host, https:\/\/token@host, https%3A%2F%2F..., name:password@tcp(host). */
#include "scan.h"

#include <string.h>

enum { LONGEST_USER_INFO = 512, LONGEST_OTHER = 128 };

/* A slash as it is, in JSON and in a query. */
static size_t slash_length(const struct scan *scan, size_t i)
{
    if (scan_at(scan, i) == '/')
        return 1;
    if (scan_has(scan, i, "\\/"))
        return 2;
    return scan_has(scan, i, "%2F") || scan_has(scan, i, "%2f") ? 3 : 0;
}

static size_t sign_length(const struct scan *scan, size_t i, char sign, const char *escaped)
{
    if (scan_at(scan, i) == sign)
        return 1;
    return slice_equal_ascii_nocase(slice_first(slice_from(scan->in, i), 3), slice_of(escaped)) ? 3 : 0;
}

/* Behind the :// that i is at; i: there is none. */
static size_t behind_scheme(const struct scan *scan, size_t i)
{
    size_t colon = sign_length(scan, i, ':', "%3A"), first = colon ? slash_length(scan, i + colon) : 0, second = first ? slash_length(scan, i + colon + first) : 0;
    return second ? i + colon + first + second : i;
}

struct user_info {
    size_t begin, colon, password; /* colon: of the first one; 0: none */
    size_t end;                    /* at the @ */
    size_t sign;                   /* the @'s length; 0: the text ends before it */
};

static bool ends_address(const struct scan *scan, size_t i)
{
    int c = scan_at(scan, i);

    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return false;
    return c <= 0 || strchr("\"'<>` \t\r\n", c) || (c == '\\' && !slash_length(scan, i)) || scan_has(scan, i, "%20") || scan_has(scan, i, "%22");
}

/* What is behind the colon is a port, after which no password can come. */
static bool is_port(const struct scan *scan, size_t i)
{
    size_t end = i;

    while (scan_at(scan, end) >= '0' && scan_at(scan, end) <= '9')
        end++;
    int c = scan_at(scan, end);
    return c < 0 || slash_length(scan, end) || strchr("?#,;&", c) || ends_address(scan, end);
}

/* Passwords have slashes, hashes and even @ in them, against RFC 3986: up to the last @ before the path, or behind a slash that a colon stood before. */
static struct user_info user_info_at(const struct scan *scan, size_t begin, bool is_escaped)
{
    struct user_info info = {.begin = begin, .end = begin};
    bool in_path = false;
    size_t i = begin, length;

    for (; !ends_address(scan, i) && i < begin + LONGEST_USER_INFO; i += length ? length : 1) {
        length = 0;
        if (redact_name_byte_length(slice_from(scan->in, i)) == 1)
            continue;
        if ((scan_at(scan, i) == '+' || scan_at(scan, i) == '&') && (info.sign || is_escaped))
            break; /* a blank or the next word of a query */
        if (!info.colon && !in_path && (length = sign_length(scan, i, ':', "%3A"))) {
            info.colon = i;
            info.password = i + length;
            if (is_port(scan, info.password) && info.password < scan->in.length)
                break;
        } else if ((length = sign_length(scan, i, '@', "%40"))) {
            if (in_path && (info.sign || !info.colon))
                break;
            info.end = i;
            info.sign = length;
        } else if ((length = slash_length(scan, i)) || scan_at(scan, i) == '?' || scan_at(scan, i) == '#') {
            in_path = true;
            if (info.sign || !info.colon)
                break;
        }
    }
    if (!info.sign)
        info.end = i;
    return info;
}

/* Names that say nothing, before a token or alone. */
static bool is_common_user(struct slice user)
{
    static const char *const users[] = {"git", "oauth2", "x-access-token", "x-token-auth", "gitlab-ci-token", "user", "admin", "root", "anonymous", "token", "bot"};

    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        if (slice_equal_ascii_nocase(user, slice_of(users[i])))
            return true;
    return !user.length;
}

/* A token stands in a user's place: https://token@host, https://token:@host, https://token:x-oauth-basic@host. */
static bool is_token(const struct scan *scan, const struct name *name, const struct user_info *info)
{
    struct slice password = info->colon ? scan_slice(scan, info->password, info->end) : (struct slice){NULL, 0};
    bool is_web = slice_ends_with(name->text, SLICE("https")) || slice_ends_with(name->text, SLICE("http"));

    return is_web && info->sign && (!password.length || slice_starts_with(password, SLICE("x-oauth"))) &&
           !is_common_user(scan_slice(scan, info->begin, info->colon ? info->colon : info->end));
}

/* jdbc:oracle:thin:name/password@host, name:password@tcp(host:3306). */
static bool take_out_other_dsn(struct scan *scan, const struct name *name)
{
    static const char *const hosts[] = {"@tcp(", "@tcp6(", "@unix(", "@(", "@//"};
    size_t i = name->end + 1, limit = i + LONGEST_OTHER;
    int sign = scan_at(scan, name->end);
    bool is_oracle = slice_is(name->text, "thin") || slice_is(name->text, "oci");

    if (sign != ':' || (is_oracle && scan_at(scan, i) == '@'))
        return false;
    if (is_oracle)
        for (; !ends_address(scan, i) && scan_at(scan, i - 1) != '/' && i < limit; i++)
            ;
    size_t begin = i;
    for (; !ends_address(scan, i) && i < limit; i++) {
        bool is_host = is_oracle && scan_at(scan, i) == '@';
        for (size_t k = 0; scan_at(scan, i) == '@' && k < sizeof hosts / sizeof *hosts; k++)
            is_host = is_host || scan_has(scan, i, hosts[k]);
        if (is_host) {
            scan_replace_value(scan, begin, i, false, false);
            return true;
        }
        if (scan_at(scan, i) == '@' || scan_at(scan, i) == ',')
            return false;
    }
    return false;
}

bool scan_take_out_user_info(struct scan *scan, const struct name *name)
{
    size_t begin = behind_scheme(scan, name->end);

    if (begin == name->end)
        return take_out_other_dsn(scan, name);
    struct user_info info = user_info_at(scan, begin, scan_at(scan, name->end) == '%');
    if (is_token(scan, name, &info)) {
        scan_replace_value(scan, info.begin, info.colon ? info.colon : info.end, false, false);
        return true;
    }
    bool is_cut = info.colon && !info.sign && info.end == scan->in.length && !is_port(scan, info.password);
    if (!info.colon || (!info.sign && !is_cut))
        return false;
    scan_replace_value(scan, info.password, info.end, false, false);
    return true;
}

/* --- webhooks: whoever has the address can write ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *host; /* the run ends so */
    const char *path; /* and this follows; what is behind is the secret */
} webhooks[] = {
    {"hooks.slack.com", "/services/"}, {"hooks.slack.com", "/workflows/"}, {"hooks.slack.com", "/triggers/"}, {"hooks.slack-gov.com", "/services/"},
    {"discord.com", "/api/webhooks/"}, {"discordapp.com", "/api/webhooks/"}, {"discord.com", "/api/v10/webhooks/"},
    {"webhook.office.com", "/webhookb2/"}, {"outlook.office.com", "/webhook/"}, {"outlook.office365.com", "/webhook/"},
    {"api.telegram.org", "/bot"}, {"api.telegram.org", "/file/bot"}, {"chat.googleapis.com", "/v1/spaces/"},
    {"logic.azure.com", "/workflows/"}, {"api.powerplatform.com", "/powerautomate/"},
    {"hooks.zapier.com", "/hooks/catch/"}, {"maker.ifttt.com", "/trigger/"}, {"hook.eu1.make.com", "/"}, {"events.pagerduty.com", "/integration/"},
    {"open.feishu.cn", "/open-apis/bot/v2/hook/"}, {"open.larksuite.com", "/open-apis/bot/v2/hook/"}, {"oapi.dingtalk.com", "/robot/send?access_token="},
    {"qyapi.weixin.qq.com", "/cgi-bin/webhook/send?key="}, {"webexapis.com", "/v1/webhooks/incoming/"}, {"alert.victorops.com", "/integrations/"},
    {"api.opsgenie.com", "/v1/json/"},
};

/* Behind the path that follows at i, its slashes in any form; i: another one does. */
static size_t behind_path(const struct scan *scan, size_t i, const char *path)
{
    size_t begin = i;

    for (; *path; path++) {
        size_t length = *path == '/' ? slash_length(scan, i) : scan_at(scan, i) == (unsigned char)*path;
        if (!length)
            return begin;
        i += length;
    }
    return i;
}

static size_t behind_port(const struct scan *scan, size_t i)
{
    size_t end = i + 1;

    if (scan_at(scan, i) != ':')
        return i;
    while (scan_at(scan, end) >= '0' && scan_at(scan, end) <= '9')
        end++;
    return end;
}

static bool ends_nocase(struct slice text, const char *end)
{
    size_t length = strlen(end);
    return text.length >= length && slice_equal_ascii_nocase(slice_from(text, text.length - length), slice_of(end));
}

bool scan_take_out_webhook(struct scan *scan, const struct name *name)
{
    size_t path = behind_port(scan, name->end);

    if (!slash_length(scan, path))
        return false;
    for (size_t i = 0; i < sizeof webhooks / sizeof *webhooks; i++) {
        if (!ends_nocase(name->text, webhooks[i].host))
            continue;
        size_t begin = behind_path(scan, path, webhooks[i].path), end = begin;
        if (begin == path)
            continue;
        end = scan_stand_in_end(scan, end);
        while (!scan_ends_word(scan, end) && !(scan_at(scan, end) == '+' || scan_has(scan, end, "\\n")))
            end++;
        while (scan_at(scan, end) == '\\' && slash_length(scan, end)) /* JSON's \/ is of the path */
            for (end += 2; !scan_ends_word(scan, end); end++)
                ;
        if (end > begin) {
            scan_replace_value(scan, begin, end, false, false);
            return true;
        }
    }
    return false;
}
