//! Every kind of problem there is. Their slugs stay: clients compare them.

use axum::http::StatusCode;

use super::Kind;

macro_rules! kinds {
    ($($name:ident: $slug:literal, $status:ident, $title:literal, $advice:literal;)*) => {
        $(
            #[doc = concat!("`", $slug, "`: ", $title, ".")]
            pub static $name: Kind = Kind {
                slug: $slug,
                status: StatusCode::$status,
                title: $title,
                advice: $advice,
            };
        )*

        /// All kinds.
        pub static ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    BAD_JSON: "bad-json", BAD_REQUEST, "The body is no JSON",
        "Send one JSON document, whole, in UTF-8. `line` and `column` say where it ends being one.";
    INVALID_BODY: "invalid-body", UNPROCESSABLE_ENTITY, "The body has not the form that it has to have",
        "`pointer` names the member that is wrong, as RFC 6901 has it. Unknown members are refused, so that a misspelt one is noticed.";
    INVALID_PARAMETER: "invalid-parameter", BAD_REQUEST, "A parameter of the address is wrong",
        "`parameter` names it, if it is known which. The OpenAPI document lists those of each resource.";
    INVALID_NAME: "invalid-name", UNPROCESSABLE_ENTITY, "The name of an account cannot stand in an address",
        "Names are percent-encoded UTF-8 in addresses. Those that are `.` or `..` cannot be asked for there: programs on the way change them.";
    MISSING_ID: "missing-id", UNPROCESSABLE_ENTITY, "The request has no record id",
        "Give `id` in the body, or the header Idempotency-Key. It is the name of the record for ever: sent again with it, a request does nothing.";
    NO_TIME_UNIT: "no-time-unit", UNPROCESSABLE_ENTITY, "The store has no unit of time",
        "RFC 3339 times need to know what a step of the store's time is. Send integers, or start the service with --unit.";
    UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of another type",
        "Send `Content-Type: application/json`; to imports `application/x-ndjson` or `text/csv`. Bodies of imports may be compressed: `Content-Encoding: gzip` or `zstd`.";
    BODY_TOO_LARGE: "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large",
        "A body has at most 16 MiB, and each line of an import 1 MiB, after decompression. Send it in parts; ids make that safe.";
    HEADER_TOO_LARGE: "header-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The header is too large",
        "Its first line and all its fields have at most 64 KiB.";
    TOO_MANY_ENTRIES: "too-many-entries", UNPROCESSABLE_ENTITY, "The batch has too many entries",
        "A batch has at most 10,000 entries or questions. Send it in parts, or as an import.";
    TOO_LARGE_ANSWER: "answer-too-large", UNPROCESSABLE_ENTITY, "The answer would be too large",
        "Ask about a shorter period, for fewer points, or page by page.";
    NOT_FOUND: "not-found", NOT_FOUND, "There is no such resource",
        "The OpenAPI document at /openapi.json lists all there are.";
    METHOD_NOT_ALLOWED: "method-not-allowed", METHOD_NOT_ALLOWED, "The resource has no such method",
        "The header Allow lists those that it has.";
    UNAUTHORISED: "unauthorised", UNAUTHORIZED, "The request has no valid token",
        "Send `Authorization: Bearer TOKEN`. `gpu-credit token` makes and revokes tokens.";
    FORBIDDEN: "forbidden", FORBIDDEN, "The token does not allow this",
        "The token reaches the account, and lacks the verb that is needed: `verb` names it.";
    NO_SUCH_ACCOUNT: "no-such-account", NOT_FOUND, "There is no such account",
        "No account of this name is open, or the token does not reach it. Open it by PUT.";
    ACCOUNT_EXISTS: "account-exists", CONFLICT, "The account is there already",
        "An account of this name was opened otherwise. It stays as it is.";
    NO_SUCH_REVISION: "no-such-revision", NOT_FOUND, "The account has no such revision",
        "Revisions count from 1; `last` is the last one.";
    NO_SUCH_ENTRY: "no-such-entry", NOT_FOUND, "The account has no such entry",
        "Nothing was posted to the account under this id.";
    REVISION_CHANGED: "revision-changed", PRECONDITION_FAILED, "The account has another revision",
        "If-Match named another revision than `revision`. Nothing was done: ask again, and decide on what is there now.";
    DIFFERENT_CONTENT: "different-content", CONFLICT, "The id stands for something else",
        "An id is the name of one record for ever. `revision` is the entry that has it. Nothing was done; what is different takes another id.";
    OUTCOME_UNKNOWN: "outcome-unknown", SERVICE_UNAVAILABLE, "It is not known whether this was written",
        "Send the same again under the same id: what was written is not written twice.";
    OVERTAKEN: "overtaken", SERVICE_UNAVAILABLE, "Others wrote to the same accounts meanwhile",
        "Nothing was written. Send it again.";
    STORAGE_FAILED: "storage-failed", SERVICE_UNAVAILABLE, "The storage fails",
        "Nothing can be answered for now. The log of the service says why; see the page about operating a store.";
    INTERNAL: "internal", INTERNAL_SERVER_ERROR, "The service failed",
        "This is a defect: report it, with what was asked. What was posted may be written; the same id again is safe.";
    OVERLOADED: "overloaded", SERVICE_UNAVAILABLE, "The service has too much to do",
        "Nothing was done. Send it again after the time that Retry-After says.";
    TOO_MANY_REQUESTS: "too-many-requests", TOO_MANY_REQUESTS, "The token sends too many requests",
        "Nothing was done. Send it again after the time that Retry-After says.";
    TOO_MANY_REFUSALS: "too-many-refusals", TOO_MANY_REQUESTS, "Too many holds were refused lately",
        "Nothing was written. Refusals are entries of the account, so that there is a limit to them: ask again after the time that Retry-After says.";
    TOO_MANY_STREAMS: "too-many-streams", TOO_MANY_REQUESTS, "The token has too many streams open",
        "Close one, or wait until one ends.";
    TIMED_OUT: "timed-out", REQUEST_TIMEOUT, "The request did not arrive in time",
        "Send it again, faster or in smaller parts. What was posted may be written; the same id again is safe.";
    MISDIRECTED: "misdirected", MISDIRECTED_REQUEST, "The request names another host",
        "On a loopback address the service answers to names of this machine only, so that pages in a browser cannot ask it under a name of their own.";
    TOKEN_IN_ADDRESS: "token-in-address", BAD_REQUEST, "The address has a token in it",
        "Addresses are logged on the way. Send the token in the header Authorization, revoke this one and make another.";
    INSUFFICIENT_CREDIT: "insufficient-credit", PAYMENT_REQUIRED, "There is not enough credit",
        "The hold is refused, and that is an entry: the same id is refused again. `accounts` has of each account what it had: balance, held, available and spendable. To try again takes another id.";
    NO_SUCH_USAGE: "no-such-usage", NOT_FOUND, "There is no such usage",
        "The id is not that of usage that stands, or it is of another kind than is asked for.";
    BOOKS_CLOSED: "books-closed", UNPROCESSABLE_ENTITY, "The books are closed at this instant",
        "Nothing before `until` can be posted, corrected or asked about. An earlier revision answers questions: `as_recorded`.";
    QUESTION_REFUSED: "question-refused", UNPROCESSABLE_ENTITY, "The question cannot be answered",
        "`detail` says why.";
    LIMIT: "limit", UNPROCESSABLE_ENTITY, "A limit of the ledger would be passed",
        "Sums of amounts have 63 bits, and windows end within the range of 64 bits. Nothing was written.";
    TEXT_LENGTH: "text-length", UNPROCESSABLE_ENTITY, "A name or an id is empty or too long",
        "Names of accounts and ids have 1 to 1,024 bytes of UTF-8.";
    CREDIT_LINE: "credit-line", UNPROCESSABLE_ENTITY, "The credit line is too large",
        "A credit line is from 0 to 9223372036854775807.";
    CREDIT_ID_LENGTH: "credit-id-length", UNPROCESSABLE_ENTITY, "The credit id is too long",
        "A credit id has at most 65,536 bytes.";
    NO_SUCH_RECORD: "no-such-record", UNPROCESSABLE_ENTITY, "There is no record to correct",
        "`of` names no entry of the account.";
    NOT_A_RECORD: "not-a-record", UNPROCESSABLE_ENTITY, "What was to be corrected is no record",
        "Corrections name the grant or the usage that they correct, also one that is corrected already.";
    NOT_A_GRANT: "not-a-grant", UNPROCESSABLE_ENTITY, "The record is no grant",
        "Usage is corrected by `change_usage`, `change_metered_usage` or `retract`.";
    NOT_USAGE: "not-usage", UNPROCESSABLE_ENTITY, "The record is no usage at an instant",
        "A grant is corrected by `revoke`, `change_expiration` or `change_priority`, a job by `change_metered_usage`; each by `retract`.";
    NOT_METERED: "not-metered", UNPROCESSABLE_ENTITY, "The record is no metered usage",
        "Only jobs have a rate, a beginning and an end.";
    NOTHING_TO_CHANGE: "nothing-to-change", UNPROCESSABLE_ENTITY, "The correction changes nothing",
        "Give a rate, a beginning or an end.";
    RETRACTED: "retracted", UNPROCESSABLE_ENTITY, "The record is retracted",
        "Nothing of it can be corrected any more.";
    REVOKED: "revoked", UNPROCESSABLE_ENTITY, "The grant is revoked already",
        "It is revoked from an instant as early, or its window was to be changed.";
    PAST_END: "past-end", UNPROCESSABLE_ENTITY, "The grant ends before",
        "A grant is revoked from an instant within its window, or before it.";
    BEFORE_START: "before-start", UNPROCESSABLE_ENTITY, "The job begins later",
        "A job is stopped at its first tick or later; `from` is that. One that should never have been is retracted.";
    CLOSED_LATER: "closed-later", UNPROCESSABLE_ENTITY, "The books are closed up to a later instant",
        "A close cannot be undone; `until` is the first instant that is open.";
    JOURNAL_FULL: "journal-full", INSUFFICIENT_STORAGE, "The journal is full",
        "It has no place for another entry.";
    DELETED_BEFORE: "deleted-before", CONFLICT, "The id deleted an earlier account of this name",
        "Another account of the name is open, and stays as it is. To delete that one takes another id.";
    TEXT_NOT_KEPT: "text-not-kept", UNPROCESSABLE_ENTITY, "A text has a character that the storage cannot keep",
        "PostgreSQL keeps no NUL character.";
    IS_A_HOLD: "is-a-hold", UNPROCESSABLE_ENTITY, "The record is a hold",
        "Holds are settled or released: POST /v1/settlements or /v1/releases. A settlement is corrected under its own id.";
    NO_SUCH_HOLD: "no-such-hold", UNPROCESSABLE_ENTITY, "There is no such hold",
        "No hold was given under the id on this account.";
    NOT_A_HOLD: "not-a-hold", UNPROCESSABLE_ENTITY, "The record is no hold",
        "Only holds are settled and released.";
    HOLD_REFUSED: "hold-refused", UNPROCESSABLE_ENTITY, "The hold was refused",
        "What was refused keeps nothing: post the usage instead.";
    HOLD_CLOSED: "hold-closed", CONFLICT, "The hold is closed already",
        "A hold is closed once; `by` is the revision that closed it. One that was released can still be settled.";
    HOLD_TOO_SHORT: "hold-too-short", UNPROCESSABLE_ENTITY, "The hold is never open",
        "`until` is after `at`, and at or after the end of a job.";
    HOLD_ACCOUNTS: "hold-accounts", UNPROCESSABLE_ENTITY, "The hold is on no account, or on too many",
        "A hold is on 1 to 64 accounts.";
    HOLD_OPEN: "hold-open", CONFLICT, "A hold is open across the instant",
        "The books are closed once it is settled or released; `hold` names it.";
    HOLD_ON_OTHERS: "hold-on-others", CONFLICT, "A hold is on other accounts, too",
        "The account is deleted once the hold is settled or released; `hold` names it.";
    OF_HOLD: "of-hold", UNPROCESSABLE_ENTITY, "This concerns a hold, and has a resource of its own",
        "POST /v1/holds, /v1/settlements and /v1/releases.";
    DELETION_IN_BATCH: "deletion-in-batch", UNPROCESSABLE_ENTITY, "A deletion stands alone",
        "DELETE /v1/accounts/{account} deletes an account.";
    REFUSED: "refused", UNPROCESSABLE_ENTITY, "The posting is refused",
        "`detail` says which rule it breaks. Nothing was written.";
    BAD_LINE: "bad-line", UNPROCESSABLE_ENTITY, "A line of the import is wrong",
        "`line` counts from 1. Earlier chunks stand; send it again, corrected: what has an id already is not posted twice.";
}
