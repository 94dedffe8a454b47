"""Writes the docstrings of python/gpu_credit/_native.pyi, which an editor shows: `python stub.py`.

What a call does, what it raises and its examples are what the installed package says, and so what `help()` says.
Of the parameters and of what is returned, the same words always mean the same: they are explained here.
"""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import gpu_credit

STUB = Path(__file__).parent / "python" / "gpu_credit" / "_native.pyi"
WIDTH = 110

PARAMETERS = {
    "account": "The name of an account.",
    "accounts": "The names of the accounts; all of them if it is not given.",
    "after": "The last instant at which something is used.",
    "again": "Whether rows without ids are posted that equal some that were imported before.",
    "amount": "Not negative, in the smallest unit.",
    "amounts": "One for each record, not negative, in the smallest unit.",
    "as_recorded": "A revision: the account as it stood when that entry was its last one. Without it, as it stands.",
    "at": "The first tick that is no longer used.",
    "by": "The last instant, which is a part of the range; of a date, the last of the day.",
    "change_expirations": "A new expiration, or None, for the number of a grant.",
    "change_metered": "A MeteredUsage for a MeteredId.",
    "change_priorities": "A new priority for the number of a grant.",
    "change_usage": "A new amount for a UsageId.",
    "creditId": "The credit id.",
    "credit_id": "Metadata: two grants with one id are two grants.",
    "credit_ids": "One for each grant, or a single string for all of them.",
    "default": "What is returned if there is no such account.",
    "dry_run": "Whether all is checked, and nothing posted.",
    "events": "A table of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__.",
    "expiration": "The last instant of the window, counted from the first: not negative. With None it never ends.",
    "expirations": "The last instant of each window, counted from its first.",
    "first": "The first instant of the range.",
    "hold": "The id of a hold.",
    "id": "The idempotency key of this entry, unique within the account.",
    "instants": "At so many of each account the engine is compared with a replay.",
    "job": "The identity of metered usage.",
    "kind": "What all rows are, if there is no column of this name.",
    "last": "The last instant, which is a part of the range; of a date, the last of the day.",
    "length": "How long it is open; with a rate, how long the job runs.",
    "name": "The name of an account.",
    "names": "The account of each question; a single string is that of them all.",
    "now": "The instant at which the file was written; the present if it is not given.",
    "number": "The number of a grant: its place in posting order, from 0 on.",
    "of": "The id of the record that is corrected.",
    "other": "What it is compared with.",
    "path": "Of a file.",
    "payer": "Whose account pays for a job: that of its Slurm account, or of its user.",
    "policy": "What becomes of usage beyond the credit: see Policy and CreditLine.",
    "priorities": "One for each grant; 0 if they are not given.",
    "priority": "From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest.",
    "progress": "Called now and then with how many records are read, and how many there are, or None.",
    "rate": "What each tick uses: not negative, in the smallest unit.",
    "rates": "What each tick of each job uses.",
    "record": "A tuple as extend takes it.",
    "records": "Tuples (amount, timestamp) or (credit_id, amount, timestamp, expiration), GrantRecord, MeteredUsage.",
    "resource": 'Of which the use is posted: "gpu", "cpu", "billing" or another of AllocTRES.',
    "retract": "Identities of usage, metered or not.",
    "retract_grants": "Numbers of grants.",
    "revoke_grants": "The instant from which it is revoked, for the number of a grant.",
    "rows": "A table of events and questions.",
    "skip_refused": "Whether rows that are refused are left out and listed, and the others posted.",
    "start": "The first tick.",
    "starts": "The first tick of each job.",
    "step": "How far the instants are apart: not 0.",
    "timestamp": "An instant, in the unit of timestamps, or a datetime if that is known.",
    "timestamps": "Instants, in the unit of timestamps, or datetimes if that is known.",
    "timezone": 'Of the times in the file, such as "Europe/Berlin".',
    "unit": "What timestamps count since 1970 in UTC.",
    "until": "The first instant that is no longer in it.",
    "up_to": "Whether it takes less, if not all of it fits.",
    "untils": "The first tick after each job.",
    "usage": "The identity of usage.",
}

# If a word means something else in a call.
OF_CALLS = {
    "CreditStore.authorise.accounts": "The names of the accounts, or one of them.",
    "CreditStore.authorise.start": "Its first instant: now if it is not given.",
    "CreditStore.settle.account": "The name of one of the accounts of the hold.",
    "CreditStore.release.account": "The name of one of the accounts of the hold.",
    "CreditStore.settle.timestamp": "When it takes effect: at the start of the hold if it is not given.",
    "CreditStore.settle.until": "The first tick after the job.",
    "CreditBook.balances.timestamps": "The instant of each question, or one of them all.",
    "CreditBook.get_balances.timestamps": "The instant of each question, or one of them all.",
    "CreditBook.spendable_rate.until": "The first tick after the job.",
    "GPUCredit.first_below.amount": "The balance that is looked for is below it.",
    "CreditBook.first_below.amount": "The balance that is looked for is below it.",
    "GPUCredit.first_used_above.amount": "More than it has been used.",
    "CreditBook.ingest.policy": "Of accounts that are opened; without one, all have to be open.",
    "CreditStore.import_events.policy": "Of accounts that are opened; with None all have to be open.",
    "CreditStore.import_sacct.policy": "Of accounts that are opened; with None all have to be open.",
    "CreditStore.ingest.policy": "Of accounts that are opened.",
    "CreditStore.import_events.unit": "That of the file, if it is not that of the store.",
    "CreditStore.import_sacct.unit": "That of the store, if it has none yet.",
    "CreditStore.import_journal.unit": "That of a journal that says none.",
    "CreditStore.first_uncovered.first": "The first instant; from where the books are open if it is not given.",
    "CreditStore.close_books.until": "Before it, nothing may be posted or asked any more.",
    "CreditStore.delete_account.id": "The idempotency key of the deletion.",
}

RETURNS = {
    "Answer": "balance, status and deficit.",
    "Authorised": "is_new, hold and refused.",
    "CreditBook": "A copy.",
    "GPUCredit": "An account that answers every question.",
    "GPUCredit | None": "The account itself, not a copy.",
    "GPUCredit | _Default": "The account itself, not a copy.",
    "Grant | None": "None if there is none.",
    "GrantStatement | None": "Its parts add up to its amount; None if there is none.",
    "Imported": "posted, already_posted, opened, questions, continued and refused.",
    "Ingested": "posted, already_posted and accounts.",
    "MeteredId": "Its identity, which never changes.",
    "MeteredUsage": "As it was posted or corrected.",
    "MeteredUsage | None": "As it was posted or corrected; None if there is none.",
    "SacctImported": "Counts of jobs, and the names of those that somebody should look at.",
    "SettlementStatistics": "Counts.",
    "Statement": "used = drawn + deficit + dropped, and a GrantStatement for each grant.",
    "Table": "Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.",
    "Total": "balance, deficit and available.",
    "UsageId": "Its identity, which never changes.",
    "UsageId | None": "Its identity; None if there is none.",
    "UsageRecord": "As it was posted or corrected.",
    "UsageRecord | None": "As it was posted or corrected; None if there is none.",
    "UsageStatement": "amount = the sum of its draws + deficit + dropped.",
    "UsageStatement | None": "amount = the sum of its draws + deficit + dropped; None if there is none.",
    "_Masked": "Of int64, never a float; masked if there is no balance.",
    "bool": "Whether it is so.",
    "dict[str, Hold]": "A Hold for each id.",
    "int": "A number.",
    "int | None": "A number; None if there is none.",
    "list[GPUCredit]": "Of the accounts themselves, not copies.",
    "list[Remainder]": "Those that are not 0.",
    "list[dict[str, Any]]": "A dictionary for each entry.",
    "list[str]": "A line or a name each.",
    "list[tuple[str, GPUCredit]]": "Pairs.",
    "str": "HTML.",
    "tuple[int, Answer] | None": "The instant and the answer there; None if there is none.",
}
POSTED = "Whether it was posted only now: a retry is not."

NUMBERS = {"amount", "amounts", "rate", "rates", "number", "priority", "priorities", "expiration", "expirations"}
TIMES = {"timestamp", "timestamps", "first", "last", "start", "starts", "until", "untils", "after", "by", "step", "at"}
NATURAL = {"amount", "amounts", "rate", "rates", "expiration", "expirations"}


def raised_by(call, names):
    """What any call with such parameters raises."""
    raised = {}
    owner, _, method = call.partition(".")
    if owner != "KeyedGPUCredit" and names & {"account", "name", "accounts"}:
        if method not in ("open", "open_account", "get"):
            raised["KeyError"] = "If there is no account of this name."
    wrong = []
    if names & NATURAL:
        wrong.append("a negative amount, rate or length")
    if names & (NUMBERS | TIMES):
        raised["TypeError"] = "For what is no integer."
        raised["OverflowError"] = "For what does not fit into 64 bits."
    if names & TIMES and owner != "KeyedGPUCredit":
        raised["TypeError"] = "For what is no integer and no time, and for a time if no unit is known."
        wrong.append("a time that is no whole number of units")
    if owner == "CreditStore" and "id" in names:
        wrong.append("an id under which something else is posted")
    if wrong:
        raised["ValueError"] = f"For {', or '.join(wrong)}."
    if "as_recorded" in names:
        raised["LookupError"] = "If the account has not so many revisions."
    if names & {"usage", "job"}:
        raised["TypeError"] = "For what is no such identity."
    if names & {"record", "records"}:
        raised["TypeError"] = "For what is no record."
        raised["ValueError"] = "For a negative amount, rate or expiration."
        raised["OverflowError"] = "For what does not fit into 64 bits, alone or in sum."
    if owner == "CreditStore":
        raised["OSError"] = "If the file fails."
        raised["RuntimeError"] = "In a process forked from the one that opened the store."
    return raised


def split_raises(text):
    """A text without the sentence that begins with Raises, and what it says of each error."""
    raised = {}
    match = re.search(r"\s*Raises (\w+Error\b.*?)\.(?=\s|$)", text, re.DOTALL)
    if match is None:
        return text, raised
    for name, what in re.findall(r"(\w+Error)\b(.*?)(?=\w+Error\b|$)", match[1], re.DOTALL):
        what = re.sub(r",?(\s+and)?\s*$", "", what.strip()).removeprefix("that ")
        if what:
            raised[name] = what[0].upper() + what[1:] + "."
    return (text[: match.start()] + text[match.end() :]).strip(), raised


def parts_of(documentation):
    """The paragraphs of prose, what is raised, and the examples."""
    paragraphs, examples, raised = [], [], {}
    for block in re.split(r"\n\s*\n", documentation.strip()):
        if block.startswith(">>>"):
            examples.append(block)
            continue
        prose, says = split_raises(" ".join(block.split()))
        raised.update(says)
        if prose:
            paragraphs.append(prose)
    return paragraphs, raised, examples


def docstring(call, documentation, function=None):
    paragraphs, raised, examples = parts_of(documentation)
    lines = "\n\n".join(textwrap.fill(paragraph, WIDTH - 8, break_on_hyphens=False) for paragraph in paragraphs).split("\n")

    def section(title, entries):
        if entries:
            lines.extend(["", title, "-" * len(title)])
            for head, text in entries:
                lines.append(head)
                lines.extend(textwrap.wrap(text, WIDTH - 12, initial_indent="    ", subsequent_indent="    "))

    if function is not None:
        arguments = function.args
        given = [argument.arg for argument in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
        given = [name for name in given if name not in ("self", "cls")]
        section("Parameters", [(name, OF_CALLS.get(f"{call}.{name}", PARAMETERS[name])) for name in given])
        returns = ast.unparse(function.returns)
        if returns != "None" and not is_property(function):
            says = POSTED if call.startswith("CreditStore.") and returns == "bool" else RETURNS[returns]
            section("Returns", [(returns.replace("_Masked", "numpy.ma.MaskedArray"), says)])
        if not is_property(function):
            section("Raises", sorted((raised_by(call, set(given)) | raised).items()))
    elif raised:
        section("Raises", sorted(raised.items()))
    if examples:
        lines.extend(["", "Examples", "--------", *"\n\n".join(examples).split("\n")])
    return "\n".join(lines)


def is_property(function):
    return any(ast.unparse(decorator) == "property" for decorator in function.decorator_list)



def documented(stub):
    """The text of the stub with docstrings, whether it has some or not."""
    lines, edits = stub.split("\n"), []

    def document(node, text, indent):
        first, keeps = node.body[0], isinstance(node, ast.ClassDef)
        is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
        text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        quoted = textwrap.indent(f'"""{text}\n"""' if "\n" in text else f'"""{text}"""', indent, lambda line: line.strip() != "")
        if is_text:
            edits.append((first.lineno - 1, first.end_lineno, quoted.split("\n")))
        elif keeps:
            edits.append((first_line(first) - 1, first_line(first) - 1, [*quoted.split("\n"), ""]))
        else:
            line = lines[first.lineno - 1]
            edits.append((first.lineno - 1, first.lineno, [line[: first.col_offset].rstrip(), *quoted.split("\n")]))

    for node in ast.parse(stub).body:
        if not isinstance(node, ast.ClassDef) or node.name not in gpu_credit.__all__:
            continue
        native = getattr(gpu_credit, node.name)
        document(node, docstring(node.name, inspect.getdoc(native)), "    ")
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                member = inspect.getdoc(getattr(native, function.name))
                document(function, docstring(f"{node.name}.{function.name}", member, function), "        ")
    for begin, end, text in sorted(edits, reverse=True):
        lines[begin:end] = text
    return "\n".join(lines)


def first_line(node):
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


if __name__ == "__main__":
    STUB.write_text(documented(STUB.read_text()))
