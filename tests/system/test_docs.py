# SPDX-License-Identifier: Apache-2.0
"""The manual pages, README.md and the audit policy say what the programs do."""
import os
import re
import shutil
import subprocess

import pytest
import yaml

import captured
import front
from daemon import HARRIERD, harrierctl, ndjson

PAGES = ("harrierctl.1", "harrier.yaml.5", "harrier-rules.7", "harrierd.8")
COMMANDS = ("check", "replay", "explain", "udm", "fields", "policy", "enroll", "alerts", "dead", "status", "reload")


def read(*path):
    with open(os.path.join(captured.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def man(name):
    """A manual page's source, with quotes and backslashes as they are shown."""
    return read("docs", "man", name).replace(r"\(dq", '"').replace(r"\e", "\\")


def section(page, title):
    """What stands below .Ss title, or the whole page where the title is empty."""
    if not title:
        return page
    found = re.search(rf"^\.Ss {re.escape(title)}\n(.*?)(?=^\.S[sh] |\Z)", page, re.M | re.S)
    assert found, f"there is no .Ss {title}"
    return found.group(1)


def has_option(text, name):
    return re.search(rf"^\.It .*Fl -?.*\b{re.escape(name)}\b|^\.It .*Fl -{re.escape(name)}\b", text, re.M)


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
def test_each_list_display_and_parenthesis_of_the_manual_ends_so_that_the_page_is_shown_whole(page):
    ends = {"El": "Bl", "Ed": "Bd", "Pc": "Po", "Oc": "Oo", "Dc": "Do", "Qc": "Qo"}
    still_open = []
    for number, line in enumerate(read("docs", "man", page).splitlines(), 1):
        macros = line[1:].split() if line.startswith(".") else []
        for macro in macros:
            if macro in ends.values():
                still_open.append(macro)
            elif macro in ends:
                assert still_open and still_open.pop() == ends[macro], f"{page}:{number}: .{macro} ends nothing"
        if macros and macros[0] in ("It", "Sh", "Ss", "Pp"):
            assert not set(still_open) - {"Bl"}, f"{page}:{number}: {still_open} has no end before it"
    assert not still_open


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff")
@pytest.mark.parametrize("page", PAGES)
def test_groff_shows_the_manual_without_an_error(page):
    file = os.path.join(captured.ROOT, "docs", "man", page)
    done = subprocess.run(["groff", "-mdoc", "-Tascii", "-z", file], capture_output=True, text=True)
    assert done.returncode == 0 and "error" not in done.stderr, done.stderr


def test_each_key_of_the_configuration_stands_in_its_section_of_the_manual():
    page = man("harrier.yaml.5")
    reference = subprocess.run([HARRIERD, "--help-config"], capture_output=True, text=True, check=True).stdout
    keys = re.findall(r"^([a-z_.\[\]]+): (.*)$", reference, re.M)
    assert len(keys) > 50
    for key, what in keys:
        prefix, _, name = key.rpartition(".")
        entry = re.search(rf"^\.It Cm {name} :(.*?)(?=^\.It |^\.El)", section(page, prefix.removesuffix("[]") or "Top level"), re.M | re.S)
        assert entry, f"{key} is not in harrier.yaml(5)"
        default = re.search(r"; default ([^;]+)", what)
        if default:
            assert default.group(1) in entry.group(1), f"{key}: its default, {default.group(1)}, is not in harrier.yaml(5)"


def test_each_option_of_harrierd_stands_in_its_manual():
    usage = subprocess.run([HARRIERD, "--help"], capture_output=True, text=True, check=True).stdout
    options = re.findall(r"--([a-z-]+)", usage)
    assert "config" in options
    for option in options:
        assert has_option(man("harrierd.8"), option), f"--{option} is not in harrierd(8)"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_of_a_command_stands_in_the_manual(command):
    page = man("harrierctl.1")
    common = section(page, "Options that several commands take")
    usage = harrierctl(command, "--help").stdout.decode()
    options = re.findall(r"^ +(?:-\w, )?--([a-z-]+)", usage.partition("options:")[2].partition("examples:")[0], re.M)
    assert "help" in options
    for option in options:
        assert has_option(common, option) or has_option(section(page, command), option), f"{command} --{option} is not in harrierctl(1)"


def test_each_command_stands_in_the_manual():
    assert tuple(re.findall(r"^  ([a-z]+) ", harrierctl("--help").stdout.decode(), re.M)) == COMMANDS


def statuses_of(page):
    entries = re.search(r"^\.Sh EXIT STATUS\n(.*?)^\.El", man(page), re.M | re.S).group(1)
    return set(re.findall(r"^\.It (\d+)$", entries, re.M))


def test_each_exit_code_that_a_program_names_stands_in_its_manual():
    for command in COMMANDS:
        codes = re.findall(r"^  (\d+) ", harrierctl(command, "--help").stdout.decode().partition("exit codes:")[2], re.M)
        assert "0" in codes and set(codes) <= statuses_of("harrierctl.1"), command
    usage = subprocess.run([HARRIERD, "--help"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"\b(\d+) ", usage.partition("exit:")[2])) == statuses_of("harrierd.8")


def test_each_file_that_the_map_of_the_code_names_is_there():
    files = [os.path.relpath(os.path.join(folder, file), captured.ROOT) for top in ("daemon", "include", "docs", "systemd", "tests", "conf")
             for folder, _, names in os.walk(os.path.join(captured.ROOT, top)) for file in names]
    named = re.findall(r"`([\w./*-]+\.(?:c|h|py|tsv|service|[1578]))`", read("docs", "architecture.md"))
    assert len(named) > 50
    for name in named:
        pattern = re.escape(name).replace(r"\*", "[^/]*")
        assert any(re.search(rf"(^|/){pattern}$", file) for file in files), f"{name} is not there"


@pytest.mark.parametrize("log_type", ["K8S_AUDIT", "GKE_CONTROLPLANE"])
def test_each_field_and_label_stands_in_the_manual(log_type):
    page = man("harrier-rules.7")
    for field in ndjson(harrierctl("fields", "--type", log_type, "-o", "ndjson").stdout):
        label = re.fullmatch(r'target\.resource\.attribute\.labels\["(.*)"\]', field["field"])
        name = label.group(1) if label else field["field"]
        assert re.search(rf"^\.It Cm {re.escape(name)}( Pq.*)?$", page, re.M), f"{field['field']} is not in harrier-rules(7)"


def test_each_function_stands_in_the_manual():
    page = man("harrier-rules.7")
    folder = ("daemon", "yaral", "function")
    names = [name for file in sorted(os.listdir(os.path.join(captured.ROOT, *folder))) if file.endswith(".c")
             for name in re.findall(r'\.name = "([a-z0-9_.*]*[a-z0-9_*])"', read(*folder, file))]
    assert len(names) > 20
    for name in names:
        assert re.search(rf"^\.It Cm {re.escape(name)}(\(.*)?$", page, re.M), f"{name} is not in harrier-rules(7)"


def test_the_metrics_are_those_of_the_manual_with_their_meaning_and_no_others_are_named(make_harrier):
    status, text = make_harrier().start().admin("/metrics")
    served = dict(re.findall(r"^# HELP (\S+) (.*)$", text.decode(), re.M))
    assert status == 200 and len(served) > 80
    entries = re.search(r"^\.Sh METRICS\n(.*?)^\.Sh ", man("harrierd.8"), re.M | re.S).group(1)
    assert dict(re.findall(r"^\.It Cm (\w+)(?: Pq .*)?\n(.*)$", entries, re.M)) == served
    sources = ("daemon/alert/notice.c", "include/harrier/alert.h")
    alerts = set(re.findall(r'"(harrier_\w+)"', "".join(map(read, sources))))
    for page in ("README.md", *(os.path.join("docs", "man", page) for page in PAGES)):
        named = set(re.findall(r"\bharrier_\w+", read(page)))
        assert not named - set(served) - alerts, page


def test_the_configuration_of_the_readme_and_the_manual_passes_the_check(tmp_path):
    manual = re.search(r"^\.Sh EXAMPLES\n\.Bd [^\n]*\n(.*?)^\.Ed", man("harrier.yaml.5"), re.M | re.S).group(1)
    examples = [text for text in blocks(read("README.md"), "yaml") if "destinations:" in text] + [manual]
    assert len(examples) == 2
    for folder in ("rules", "lists", "secrets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "one.yaral").write_text(blocks(read("README.md"), "yaral")[0])
    (tmp_path / "lists" / "node_agents.txt").write_text("")
    (tmp_path / "secrets" / "slack-url").write_text("https://hooks.slack.example/services/T/B/x\n")
    (tmp_path / "secrets" / "soar-token").write_text("token\n")
    for number, text in enumerate(examples):
        config = tmp_path / f"{number}.yaml"
        config.write_text(text)
        done = harrierctl("check", "-c", config)
        assert b"error" not in done.stderr


def unquoted(text):
    """mdoc's escapes that man() leaves."""
    return text.replace(r"\(ga", "`").replace(r"\&", "")


def enrolled(folder, *arguments):
    """What enroll of README.md prints, for a configuration in that folder."""
    return harrierctl("enroll", "prod-eu-1", "--server", "harrier.example.org:9443", "-d", folder / "tls", "-c", folder / "harrier.yaml",
                      *arguments).stdout.decode()


@pytest.fixture
def installed(tmp_path):
    """The shipped configuration in a folder of its own, with the certificates, tokens and keys that the examples of README.md name."""
    folder = tmp_path / "etc"
    shutil.copytree(os.path.join(captured.ROOT, "conf"), folder)
    enrolled(folder, "--create")
    for kind in ("crt", "key"):
        shutil.copy(folder / "tls" / f"server.{kind}", folder / "tls" / f"public.{kind}")
    (folder / "jwks").mkdir()
    shutil.copy(front.Issuer(folder / "jwks").jwks, folder / "jwks" / "google.json")
    for file in ("slack-url", "soar-token"):
        (folder / "secrets").mkdir(exist_ok=True)
        (folder / "secrets" / file).write_text("https://hooks.example/services/x\n")
        (folder / "secrets" / file).chmod(0o600)
    (folder / "sources.d").mkdir()
    return folder


SOURCES = [text for text in blocks(read("README.md"), "yaml") if "rules:" not in text]


@pytest.mark.parametrize("text", SOURCES, ids=lambda text: yaml.safe_load(text)["sources"][0]["name"])
def test_each_source_of_the_readme_passes_the_check_as_a_file_beside_the_shipped_configuration(installed, text):
    text = text.replace("/etc/harrier/", f"{installed}/").replace("/var/lib/harrier-jwks/", f"{installed}/jwks/")
    (installed / "sources.d" / "one.yaml").write_text(text)
    done = harrierctl("check", "-c", installed / "harrier.yaml", check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_the_source_of_the_readme_is_the_one_that_enroll_prints(installed):
    printed = enrolled(installed, "--print", "source")
    assert yaml.safe_load(printed) == yaml.safe_load(SOURCES[0].replace("/etc/harrier/", f"{installed}/"))


def test_the_options_of_the_readme_are_those_that_enroll_prints(installed):
    printed = enrolled(installed, "--print", "flags")
    assert "".join(f"    {line}\n" for line in printed.splitlines()) in read("README.md")


def test_the_shipped_configuration_passes_the_check_with_its_comments_taken_in(installed):
    text = re.sub(r"^  # - ", "  - ", (installed / "harrier.yaml").read_text(), flags=re.M)
    assert text.count("\n  - {") == 6
    (installed / "harrier.yaml").write_text(text)
    done = harrierctl("check", "-c", installed / "harrier.yaml", check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_each_route_condition_of_the_manuals_passes_the_check(installed):
    example = re.search(r"^\.Sh Route conditions\n\.Bd [^\n]*\n(.*?)^\.Ed", man("harrier.yaml.5"), re.M | re.S).group(1)
    conditions = example.splitlines() + re.findall(r"^\.Li (rule != .*)$", man("harrierd.8"), re.M)
    assert len(conditions) >= 3
    routes = "".join(f"  - {{when: '{condition}', to: [trail]}}\n" for condition in conditions)
    text = (installed / "harrier.yaml").read_text()
    (installed / "harrier.yaml").write_text(text.replace("routes:\n", "routes:\n" + routes))
    done = harrierctl("check", "-c", installed / "harrier.yaml", check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


def conditions_of_the_manual():
    """Each condition of harrier-rules(7) that is more than a word, with a field in the place of $e.f and labels in full."""
    page = unquoted(man("harrier-rules.7"))
    items = re.findall(r"^\.It Li (.*[=/].*)$", page.partition(".Sh FIELDS")[0].partition(".Sh CONDITIONS")[2], re.M)
    found = [one for item in items for one in re.split(r" , (?=any|all|not|\$)", item)]
    found += re.findall(r"^\.Li (\$e\.\S+ (?:!=|=) \S+)", page, re.M)
    found.append(re.search(r"^\(\$e\.metadata.*?\)$", page, re.M | re.S).group(0))
    for one in found:
        one = re.sub(r"^field\b", "$e.target.url", one.removesuffix(" ."))
        one = re.sub(r"(^|\s)labels\[", r"\1$e.target.resource.attribute.labels[", one)
        yield one.replace("$e.f", "$e.principal.user.group_identifiers").replace("any labels", "labels")


def test_each_condition_of_the_manual_passes_the_check(tmp_path):
    conditions = list(conditions_of_the_manual())
    assert len(conditions) > 8
    for condition in conditions:
        rule = f'rule one {{\n  events:\n    $e.metadata.log_type = "K8S_AUDIT"\n    {condition}\n  condition:\n    $e\n}}\n'
        (tmp_path / "one.yaral").write_text(rule)
        done = harrierctl("check", tmp_path / "one.yaral", check=False)
        assert done.returncode == 0, f"{condition}\n{done.stderr.decode()}"


def test_the_rule_of_the_readme_fires_on_one_of_the_attacks(tmp_path):
    rules = blocks(read("README.md"), "yaral")
    assert len(rules) == 1
    (tmp_path / "rule.yaral").write_text(rules[0])
    (tmp_path / "list.txt").write_text("// nobody\n")
    arguments = ("--list", f"node_agents={tmp_path}/list.txt", "-r", tmp_path / "rule.yaral", "-o", "ndjson", captured.ATTACKS)
    assert len(ndjson(harrierctl("replay", *arguments).stdout)) == 1


def test_the_rule_of_the_manual_passes_the_check(tmp_path):
    text = re.search(r"^rule .*?^}$", man("harrier-rules.7"), re.M | re.S).group(0)
    (tmp_path / "rule.yaral").write_text(text)
    assert harrierctl("check", tmp_path / "rule.yaral").stderr == b""


def level(policy, verb, group, resource):
    """What the policy logs of a request for a namespaced object: the first entry that fits decides."""
    for rule in policy["rules"]:
        wanted = rule.get("resources")
        if "nonResourceURLs" in rule or (rule.get("verbs") and verb not in rule["verbs"]):
            continue
        if not wanted or any(one["group"] == group and resource in one["resources"] for one in wanted):
            return rule["level"]
    return "None"


def test_the_audit_policy_shows_the_shipped_rules_what_they_look_into():
    policy = yaml.safe_load(read("conf", "audit-policy.yaml"))
    blind_write = read("conf", "rules", "k8s_blind_write.yaral")
    workloads = set(re.findall(r'labels\["resource"\] = "(\w+)"', blind_write))
    assert {"pods", "cronjobs", "jobs"} < workloads
    groups = {"pods": "", "replicationcontrollers": "", "cronjobs": "batch", "jobs": "batch"}
    for resource in workloads:
        for verb in ("create", "update", "patch"):
            assert level(policy, verb, groups.get(resource, "apps"), resource) in ("Request", "RequestResponse"), f"{verb} {resource}"


def test_the_audit_policy_keeps_secrets_out_and_drops_no_write():
    policy = yaml.safe_load(read("conf", "audit-policy.yaml"))
    for verb in ("get", "list", "create", "update", "patch", "delete"):
        assert level(policy, verb, "", "secrets") == "Metadata"
        assert level(policy, verb, "", "configmaps") == "Metadata"
        assert level(policy, verb, "rbac.authorization.k8s.io", "clusterrolebindings") == "Metadata"
    assert level(policy, "delete", "", "events") == "Metadata"
