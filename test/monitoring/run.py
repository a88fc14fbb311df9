"""Alert rules and dashboard, by promtool: run by scripts/test-monitoring.

docs/alerts.yaml passes its unit tests (alerts.yaml beside this), each alert fires in one of them and is silent in
another, the queries of docs/grafana.json are ones that Prometheus takes, its fields ones that Grafana defines, and both name
no metric that the product or the host's module does not export. Every metric of the product is in one of them.
docs/operating.md has each alert.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from schema import unknown

REPOSITORY = Path(__file__).resolve().parents[2]
# By the host, for mod_event_pusher_http.
STOCK = {"mod_event_pusher_http_sent_count", "mod_event_pusher_http_sent_failure_count",
         "mod_event_pusher_http_sent_response_time_bucket"}
# Seen with others: how full a pool is says more in the time that notifications wait.
NOT_SHOWN = {"http_pusher_pending", "http_pusher_pending_bytes", "http_pusher_sent_total",
             "http_pusher_dead_letter_bytes"}
METRIC = re.compile(r"\b(?:http_pusher|mod_event_pusher_http)_[a-z_]+")
VARIABLES = {"$__rate_interval": "1m", "$host_type": ".*"}

failures = []


def check(good, text):
    """Keeps the text of a check that failed."""
    if not good:
        failures.append(text)


def exported():
    """The names of our metrics as they are scraped, and those of histograms by their family."""
    source = (REPOSITORY / "erl_src/report/http_pusher_prometheus.erl").read_text(encoding="utf-8")
    families = re.findall(r"(http_pusher_[a-z_]+),\s*(gauge|counter|histogram)", source)
    check(len(families) >= 14, f"metrics of the product: {families}")
    names = {}
    for name, kind in families:
        for suffix in ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]:
            names[name + suffix] = name
    return names


def expressions(rules):
    """What the rules compute with, without the texts for people."""
    return "\n".join(re.findall(r"^ +expr: (.*?)^ +(?:for|labels):", rules, re.M | re.S))


def fields(dashboard):
    """Every field of the dashboard is one that Grafana knows; this would see one that is not."""
    check(not (places := unknown(dashboard)), f"Grafana does not define these fields of the dashboard: {places}")
    wrong = json.loads(json.dumps(dashboard))
    wrong["panels"][-1]["fieldConfig"]["defaults"]["custom"]["fillopacity"] = 10
    wrong["panels"][-1]["gridPos"]["width"] = 12
    check(len(unknown(wrong)) == 2, "a field that Grafana does not define was not seen")


def queries(dashboard):
    """The dashboard's queries with its variables filled in."""
    found = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            for variable, value in VARIABLES.items():
                text = text.replace(variable, value)
            check("$" not in text, f"an unknown variable in {text}")
            found.append(text)
    ids = [panel["id"] for panel in dashboard["panels"]]
    check(len(set(ids)) == len(ids), "panels with the same id")
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    check(len(set(places)) == len(places), "panels in the same place")
    return found


def promtool(program, directory, *arguments):
    """Runs promtool; what it says if it does not like something is a failure."""
    done = subprocess.run([program, *arguments], cwd=directory, text=True, check=False, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"promtool {' '.join(arguments)}:\n{done.stdout}")


def main():
    """All checks."""
    program = str(Path(sys.argv[1]).resolve())
    rules = (REPOSITORY / "docs/alerts.yaml").read_text(encoding="utf-8")
    tests = (REPOSITORY / "test/monitoring/alerts.yaml").read_text(encoding="utf-8")
    dashboard = json.loads((REPOSITORY / "docs/grafana.json").read_text(encoding="utf-8"))
    shown = queries(dashboard)
    fields(dashboard)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "alerts_under_test.yaml").write_text(rules, encoding="utf-8")
        (Path(directory) / "tests.yaml").write_text(tests, encoding="utf-8")
        recorded = [{"record": f"panel:{at}", "expr": query} for at, query in enumerate(shown)]
        # JSON is YAML.
        (Path(directory) / "dashboard.yaml").write_text(
            json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}), encoding="utf-8")
        promtool(program, directory, "check", "rules", "--lint=all", "--lint-fatal", "alerts_under_test.yaml")
        promtool(program, directory, "test", "rules", "tests.yaml")
        promtool(program, directory, "check", "rules", "dashboard.yaml")

    page = (REPOSITORY / "docs/operating.md").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", rules)
    severities = re.findall(r"severity: (\w+)", rules)
    for alert, severity in zip(alerts, severities, strict=True):
        check(f"| `{alert}` | {severity} |" in page, f"operating.md has no {alert} with severity {severity}")
        check(re.search(rf"alertname: {alert}, exp_alerts: \[\]", tests), f"no test in which {alert} is silent")
        check(re.search(rf"alertname: {alert}\n", tests), f"no test in which {alert} fires")
    check(len(alerts) == rules.count("annotations:"), "an alert without annotations")

    names = exported()
    used = set(METRIC.findall(expressions(rules) + "\n".join(shown)))
    for name in sorted(used - STOCK - set(names)):
        failures.append(f"{name} is not exported")
    for family in sorted(set(names.values()) - {names[name] for name in used if name in names} - NOT_SHOWN):
        failures.append(f"{family} is neither in an alert nor in the dashboard")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{len(alerts)} alerts, {len(shown)} queries of the dashboard: {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
