"""The durable store: what is posted once is there after opening again."""

import _thread
import gzip
import io
import os
import threading
import time
from datetime import datetime, timezone

import pytest
from gpu_credit import CreditStore, GPUCredit, MeteredId
from gpu_credit.remote import Store
from service import Service, open_store


@pytest.fixture
def store(path):
    with open_store(path) as store:
        store.open_account("acme")
        store.add_credit("acme", "invoice", "march", amount=100, timestamp=0, expiration=30)
        store.subtract("acme", "job", amount=20, timestamp=12)
        yield store


@pytest.fixture
def store_in_seconds(path):
    with open_store(path, unit="s") as store:
        store.open_account("acme")
        yield store


def test_a_store_is_there_after_opening_again(store, path):
    store.open_account("bob", policy="forfeit")
    store.add_credit("bob", "gift", "trial", amount=5, timestamp=0)  # Never ends.
    store.close()
    with open_store(path) as again:
        assert again.accounts() == ["acme", "bob"]
        assert again.get_balance("acme", 12) == 80
        assert again.get_balance("acme", 31) is None
        assert again.balance_at("acme", 31).status == "inactive"
        assert again.get_balance("bob", 2**63 - 1) == 5
        assert again.account("bob").policy == "forfeit"
        assert again.check() == []


def test_a_retry_is_known_and_other_content_is_refused(store):
    assert store.subtract("acme", "job-2", amount=5, timestamp=13) is True
    assert store.subtract("acme", "job-2", amount=5, timestamp=13) is False
    assert store.open_account("acme") is False
    assert store.get_balance("acme", 13) == 75
    with pytest.raises(ValueError, match="job-2"):
        store.subtract("acme", "job-2", amount=6, timestamp=13)


def test_a_store_keeps_its_unit_of_time(store, path):
    assert store.time_unit is None
    with pytest.raises(ValueError, match='found "h", expected s, ms, us or ns'):
        store.set_time_unit("h")
    if isinstance(path, Service):
        with pytest.raises(io.UnsupportedOperation, match="serve --unit ms"):
            store.set_time_unit("ms")
        return
    store.set_time_unit("ms")
    store.set_time_unit("ms")
    with pytest.raises(ValueError, match="the store's unit of time is ms, not s"):
        store.set_time_unit("s")
    store.close()
    with open_store(path) as again:
        assert again.time_unit == "ms"


def test_corrections_and_history(store):
    before = store.revision("acme")
    assert store.change_usage("acme", "fix-1", "job", 30)
    assert store.get_balance("acme", 12) == 70
    assert store.change_expiration("acme", "fix-2", "invoice", None)
    assert store.get_balance("acme", 1_000) == 70
    assert store.revoke_grant("acme", "fix-3", "invoice", 20)
    assert (store.get_balance("acme", 19), store.get_balance("acme", 20)) == (70, None)
    assert store.retract("acme", "fix-4", "job")
    assert store.get_balance("acme", 12) == 100
    assert store.account("acme", as_recorded=before).get_balance(12) == 80
    assert store.usage_statement("acme", "job", as_recorded=before).amount == 20
    for revision in (0, before + 5):
        with pytest.raises(LookupError, match=f"7 revisions.*{revision}"):
            store.account("acme", as_recorded=revision)
    history = store.history("acme")
    assert [(entry["kind"], entry["id"], entry.get("of")) for entry in history] == [
        ("open_account", "open", None),
        ("grant", "invoice", None),
        ("usage", "job", None),
        ("change_usage", "fix-1", "job"),
        ("change_expiration", "fix-2", "invoice"),
        ("revoke_grant", "fix-3", "invoice"),
        ("retract", "fix-4", "job"),
    ]
    assert history[1]["amount"] == 100
    assert [entry["revision"] for entry in history] == list(range(1, before + 5))
    assert store.check(instants=50) == []


def test_a_job_runs_and_stops(store, path):
    assert store.run("acme", "job-17", rate=2, start=12, until=40) is True
    assert store.run("acme", "job-17", rate=2, start=12, until=40) is False
    assert (store.get_balance("acme", 12), store.get_balance("acme", 30)) == (78, 42)
    assert store.stop("acme", "job-17", at=17) is True
    for again in (17, 19, 15):  # A retry, whenever it comes, charges no more.
        assert store.stop("acme", "job-17", at=again) is False
    assert store.get_balance("acme", 30) == 70
    assert store.change_metered("acme", "fix", "job-17", rate=3, start=14) is True
    store.close()
    with open_store(path) as store:
        assert store.account("acme").metered_count == 1
        statement = store.usage_statement("acme", "job-17")
        assert [(draw.amount, draw.first, draw.last) for draw in statement.draws] == [(9, 14, 16)]
        assert (statement.amount, store.usage_statement("acme", "job").amount) == (9, 20)
        history = {entry["id"]: entry for entry in store.history("acme")}
        assert [history["job-17"][name] for name in ("kind", "rate", "start", "until")] == ["metered_usage", 2, 12, 40]
        assert history["job-17/stop"]["until"] == 17
        fix = [history["fix"][name] for name in ("kind", "of", "rate", "start", "until")]
        assert fix == ["change_metered_usage", "job-17", 3, 14, None]
        assert store.retract("acme", "oops", "job-17")
        assert (store.get_balance("acme", 30), store.check(instants=50)) == (80, [])
        with pytest.raises(LookupError, match="job-17"):
            store.usage_statement("acme", "job-17")


HEADER = "kind,account,credit_id,amount,timestamp,expiration,until,priority,id\n"


def test_an_events_file_is_imported_once(store, tmp_path):
    """A log that grows was charged again."""
    events = tmp_path / "events.csv"
    events.write_text(HEADER + "grant,ada,march,100,0,30,,-1,g\nusage,ada,,8,10,,15,,job-17\n")
    assert store.import_events(events, policy="forfeit", dry_run=True).posted == 3
    assert store.accounts() == ["acme"]
    assert store.import_events(str(events), policy="forfeit") == (3, 0, ["ada"], 0, 0, [])
    assert store.import_events(events) == (0, 2, [], 0, 0, [])
    ada = store.account("ada")
    assert (ada.policy, ada.grant(0).priority, ada.get_balance(30)) == ("forfeit", -1, 60)
    with gzip.open(tmp_path / "events.csv.gz", "wt") as file:
        file.write(events.read_text() + "usage,ada,,4,12,,,,job-18\n")
    assert store.import_events(tmp_path / "events.csv.gz") == (1, 2, [], 0, 0, [])
    events.write_text(HEADER + "usage,ada,,9,10,,15,,job-17\n")
    with pytest.raises(ValueError, match="line 2.*job-17"):
        store.import_events(events)
    events.write_text(HEADER + "usage,ada,,-1,10,,15,,\n")
    with pytest.raises(ValueError, match="line 2.*amount"):
        store.import_events(events)
    with pytest.raises(ValueError, match="min"):
        store.import_events(events, unit="min")
    with pytest.raises(OSError):
        store.import_events(tmp_path / "nothing.csv")
    with pytest.raises((OSError, ValueError)):
        store.import_events(tmp_path)  # It is a folder.
    assert store.get_balance("ada", 30) == 56


def test_rows_of_events_that_are_refused_can_be_left_out(store, tmp_path):
    """In Python one such row held all others up; and a misspelt name opened an account."""
    events = tmp_path / "events.csv"
    events.write_text(HEADER + "usage,acme,,8,5,,,,one\nusage,acme,,8,5,,,,job\nusage,acmo,,8,5,,,,three\n")
    with pytest.raises(ValueError, match="line 3"):
        store.import_events(events)
    done = store.import_events(events, policy=None, skip_refused=True)
    assert (done.posted, done.opened) == (1, [])
    assert [reason.partition(":")[0] for reason in done.refused] == ["line 3", "line 4"]
    assert store.accounts() == ["acme"]
    assert store.import_events(events, skip_refused=True).opened == ["acmo"]


SACCT = """JobIDRaw|Cluster|Account|User|Submit|Start|End|Timelimit|AllocTRES|State
17|tiger|vision|ada|2026-01-05T08:00:00|2026-01-05T09:00:00|{end}|02:00:00|gres/gpu=8,cpu=64|{state}
17.batch|tiger|vision|ada|2026-01-05T08:00:00|2026-01-05T09:00:00|Unknown||cpu=64|RUNNING
18|tiger|vision|ada|2026-01-05T08:00:00|Unknown|Unknown|02:00:00||PENDING
"""


def test_the_jobs_of_a_cluster_are_imported(store_in_seconds, tmp_path):
    store, file, hour = store_in_seconds, tmp_path / "sacct.txt", 3_600
    start = int(datetime(2026, 1, 5, 9, tzinfo=timezone.utc).timestamp())
    file.write_text(SACCT.format(end="Unknown", state="RUNNING"))
    assert store.import_sacct(file, dry_run=True).posted == 1
    assert store.accounts() == ["acme"]
    assert store.import_sacct(str(file)) == (1, 1, 0, 0, 0, [], [], ["vision"], [], 0, 0, 1, 1)
    again = store.import_sacct(file)
    assert (again.posted, again.known, again.opened, again.steps, again.not_started) == (0, 1, [], 1, 1)
    assert store.account("vision").used == 8 * 2 * hour  # Its time limit.
    file.write_text(SACCT.format(end="2026-01-05T09:30:00", state="COMPLETED"))
    assert store.import_sacct(file).closed == 1
    assert store.account("vision").metered_usage(MeteredId(0)) == (8, start, start + hour // 2)
    cpus = store.import_sacct(file, resource="cpu", payer="user", timezone="Europe/Berlin", policy="carry:0")
    assert (cpus.posted, store.account("ada").used, store.account("ada").policy) == (1, 64 * hour // 2, "carry:0")
    for wrong in ({"timezone": "Mars/Phobos"}, {"payer": "eve"}, {"resource": ""}, {"unit": "h"}, {"now": 2**62}):
        with pytest.raises(ValueError, match=f'"{[*wrong.values()][0]}"'):
            store.import_sacct(file, **wrong)
    file.write_text(SACCT.format(end="2026-01-05T09:30:00", state="COMPLETED").replace("gpu=8", "gpu=4"))
    with pytest.raises(ValueError, match="line 2"):
        store.import_sacct(file)
    with pytest.raises(OSError):
        store.import_sacct(tmp_path / "nothing.txt")


def test_a_row_of_sacct_that_is_refused_can_be_left_out(store_in_seconds, tmp_path):
    """In Python one such row held all others up; the program leaves it out if told."""
    store, file = store_in_seconds, tmp_path / "sacct.txt"
    file.write_text(SACCT.format(end="2026-01-05T09:30:00", state="COMPLETED"))
    store.import_sacct(file)
    job = file.read_text().splitlines()[1].replace("|2026-01-05T08", "|2026-01-04T08", 1)
    file.write_text(file.read_text().replace("gpu=8", "gpu=4") + job + "\n")
    with pytest.raises(ValueError, match="line 2"):
        store.import_sacct(file)
    checked = store.import_sacct(file, skip_refused=True, dry_run=True)
    done = store.import_sacct(file, skip_refused=True)
    assert (done.posted, done.known) == (1, 0) and done == checked
    [refused] = done.refused
    assert refused.startswith("line 2: ")
    assert store.account("vision").metered_usage(MeteredId(1)).rate == 8


def test_jobs_that_were_corrected_by_hand_are_named(store_in_seconds, tmp_path):
    store, file = store_in_seconds, tmp_path / "sacct.txt"
    file.write_text(SACCT.format(end="2026-01-05T09:30:00", state="COMPLETED"))
    store.import_sacct(file)
    job = store.history("vision")[1]["id"]
    store.change_metered("vision", "refund", job, rate=0)
    done = store.import_sacct(file)
    assert (done.posted, done.known, done.corrected, done.gone) == (0, 0, [("vision", job)], [])


def test_a_store_learns_its_unit_from_the_first_jobs(store, path, tmp_path):
    file = tmp_path / "sacct.txt"
    file.write_text(SACCT.format(end="Unknown", state="RUNNING"))
    if isinstance(path, Service):
        with pytest.raises(io.UnsupportedOperation, match="serve --unit s"):
            store.import_sacct(file)
        return
    store.import_sacct(file)
    assert store.time_unit == "s"


def test_what_may_be_spent(store):
    assert (store.spendable("acme", 5), store.account("acme").get_balance(5)) == (80, 100)
    assert store.spendable_rate("acme", start=10, until=20) == 8
    assert store.runs_dry("acme", rate=4, start=20) == 31
    assert store.first_uncovered("acme") is None
    store.run("acme", "job-17", rate=10, start=15, until=40)
    assert (store.first_uncovered("acme"), store.first_uncovered("acme", first=24)) == (23, 24)
    store.close_books("acme", "year", 24)
    assert store.first_uncovered("acme") == 24
    for error, call in (
        (ValueError, lambda: store.spendable("acme", 23)),
        (ValueError, lambda: store.spendable_rate("acme", start=23, until=30)),
        (ValueError, lambda: store.spendable_rate("acme", start=30, until=30)),
        (ValueError, lambda: store.runs_dry("acme", rate=1, start=23)),
        (ValueError, lambda: store.first_uncovered("acme", first=23)),
        (KeyError, lambda: store.spendable("eve", 5)),
    ):
        with pytest.raises(error):
            call()


def test_grants_have_priorities(store, path):
    plan = {"amount": 10, "timestamp": 0, "expiration": 40, "priority": -1}
    assert store.add_credit("acme", "plan", "plan", **plan) is True
    assert store.add_credit("acme", "plan", "plan", **plan) is False
    with pytest.raises(ValueError, match="priority"):
        store.add_credit("acme", "plan", "plan", **{**plan, "priority": 1})
    assert store.get_balance("acme", 31) == 0
    assert store.change_priority("acme", "fix", "plan", priority=1) is True
    store.close()
    with open_store(path) as store:
        assert [grant.priority for grant in store.account("acme").grants()] == [0, 1]
        assert [entry.get("priority") for entry in store.history("acme")] == [None, 0, None, -1, 1]
        assert (store.get_balance("acme", 31), store.check(instants=50)) == (10, [])
        with pytest.raises(OverflowError, match="32767"):
            store.change_priority("acme", "a", "plan", priority=2**15)


def test_jobs_that_are_refused(store):
    for error, refused in (
        (ValueError, lambda: store.run("acme", "job", rate=1, start=0, until=5)),  # Other content.
        (ValueError, lambda: store.run("acme", "a", rate=-1, start=0, until=5)),
        (OverflowError, lambda: store.run("acme", "a", rate=2**62, start=0, until=5)),
        (LookupError, lambda: store.stop("acme", "nothing", at=5)),
        (ValueError, lambda: store.stop("acme", "job", at=5)),  # It is not metered.
        (ValueError, lambda: store.change_metered("acme", "a", "job", until=5)),
        (LookupError, lambda: store.usage_statement("acme", "invoice")),
        (KeyError, lambda: store.usage_statement("eve", "job")),
        (TypeError, lambda: store.run("acme", "a", 1, 0, 5)),
    ):
        with pytest.raises(error):
            refused()
    assert store.run("acme", "job-17", rate=1, start=0, until=5)
    with pytest.raises(ValueError, match="neither a rate"):
        store.change_metered("acme", "a", "job-17")


def test_closing_the_books_and_deleting(store):
    assert store.close_books("acme", "year", 10)
    with pytest.raises(ValueError, match="closed"):
        store.get_balance("acme", 9)
    with pytest.raises(ValueError, match="closed"):
        store.subtract("acme", "late", amount=1, timestamp=9)
    assert store.get_balance("acme", 12) == 80
    assert store.delete_account("acme", "gone")
    assert store.accounts() == []


def test_an_account_is_a_copy(store):
    account = store.account("acme")
    assert isinstance(account, GPUCredit)
    account.subtract(80, 12)
    assert (account.get_balance(12), store.get_balance("acme", 12)) == (0, 80)
    assert account.statement(30).used == 100


def test_errors(store, tmp_path):
    for error, refused in (
        (KeyError, lambda: store.get_balance("eve", 0)),
        (KeyError, lambda: store.subtract("eve", "a", amount=1, timestamp=0)),
        (LookupError, lambda: store.retract("acme", "a", "nothing")),
        (ValueError, lambda: store.subtract("acme", "", amount=1, timestamp=0)),
        (ValueError, lambda: store.subtract("acme", "a", amount=-1, timestamp=0)),
        (OverflowError, lambda: store.subtract("acme", "a", amount=2**63 - 1, timestamp=0)),
        (OverflowError, lambda: store.add_credit("acme", "a", "a", amount=1, timestamp=2**63 - 1, expiration=1)),
        (TypeError, lambda: store.subtract("acme", "a", amount=1.0, timestamp=0)),
        (OSError, lambda: CreditStore(tmp_path / "nowhere" / "credit.redb")),
        (OSError, lambda: CreditStore("postgres://nobody@127.0.0.1:1/credit")),
    ):
        with pytest.raises(error):
            refused()
    assert store.revision("acme") == 3
    store.close()
    store.close()
    with pytest.raises(ValueError, match="closed"):
        store.get_balance("acme", 0)


def test_a_file_is_open_once(tmp_path):
    with CreditStore(tmp_path / "credit.redb"), pytest.raises(OSError, match="credit.redb"):
        CreditStore(tmp_path / "credit.redb")


def test_a_copy_of_the_store(store, tmp_path, new_place):
    other = new_place()
    for copy in (tmp_path / "copy.redb", tmp_path / "other.redb" if isinstance(other, Service) else other):
        balance = store.get_balance("acme", 12)
        store.copy_to(copy)
        store.subtract("acme", str(copy), amount=1, timestamp=12)
        with CreditStore(copy) as copied:
            assert (copied.get_balance("acme", 12), store.get_balance("acme", 12)) == (balance, balance - 1)
        with pytest.raises((OSError, ValueError)):
            store.copy_to(copy)  # It holds something.


def test_stores_share_a_database(server):
    address = server.address()
    with CreditStore(address, unit="s") as one, CreditStore(address) as other:
        assert (one.open_account("acme"), other.open_account("acme")) == (True, False)
        assert other.subtract("acme", "job", amount=5, timestamp=12) is True
        assert one.subtract("acme", "job", amount=5, timestamp=12) is False
        assert (one.account("acme").used, other.time_unit) == (5, "s")
        assert address not in repr(one) and "database postgres" in repr(one)
        assert "<th>server</th>" in one._repr_html_()
    assert repr(one).endswith(", closed>")


def test_a_store_on_a_server_belongs_to_the_process_that_opened_it(server):
    address = server.address()
    with CreditStore(address) as store:
        store.open_account("acme")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                store.get_balance("acme", 5)
            except RuntimeError:
                with CreditStore(address) as own:
                    own.subtract("acme", "child", amount=5, timestamp=5)
                del store
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert store.balance_at("acme", 5).deficit == 5
        assert store.subtract("acme", "parent", amount=1, timestamp=5)


def test_ctrl_c_ends_the_wait_for_a_server(server):
    """A server that does not answer kept who asked it from anything else."""
    address = server.address()
    with CreditStore(address) as store:
        store.open_account("acme")
        holder = server.hold(address)
        try:
            threading.Timer(0.3, _thread.interrupt_main).start()
            begun = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                store.subtract("acme", "job", amount=5, timestamp=5)
            assert time.monotonic() - begun < 5
        finally:
            holder.kill()
            holder.wait()
        store.subtract("acme", "job", amount=5, timestamp=5)  # Now, or then.
        assert store.balance_at("acme", 5).deficit == 5


def test_threads_share_a_store(store):
    def post(thread):
        for job in range(10):
            store.subtract("acme", f"{thread}-{job}", amount=1, timestamp=12)

    threads = [threading.Thread(target=post, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get_balance("acme", 12) == 20
    assert len(store.history("acme")) == 3 + 60


def without_times(history):
    return [{name: value for name, value in entry.items() if name != "recorded_at"} for entry in history]


def test_a_journal_goes_from_store_to_store(store, tmp_path, new_place):
    journal = tmp_path / "journal.jsonl"
    entries = store.export_journal(journal)
    assert entries == len(store.history("acme")) > 2
    with pytest.raises(FileExistsError):
        store.export_journal(journal)
    with open_store(new_place()) as other:
        assert other.import_journal(journal, dry_run=True).posted == entries
        assert other.accounts() == []
        assert other.import_journal(journal).posted == entries
        assert other.import_journal(str(journal)) == (0, entries, [], 0, 0, [])
        if isinstance(other, Store):
            # A service records what it is sent now.
            assert without_times(other.history("acme")) == without_times(store.history("acme"))
        else:
            assert other.history("acme") == store.history("acme")
        assert other.account("acme").equals(store.account("acme"))
        journal.write_text(journal.read_text() + "{}\n")
        with pytest.raises(ValueError, match=f"line {entries + 1}"):
            other.import_journal(journal)
    with pytest.raises(FileNotFoundError):
        store.import_journal(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        store.export_journal(tmp_path / "no folder" / "journal.jsonl")
