//! The words of the documents are those of the glossary, in plain English.

use regex::RegexBuilder;

use crate::markdown::documents;
use crate::rustdoc::rustdoc;

/// A word that is not used, what to write instead, and the documents that may have it.
struct Word {
    pattern: &'static str,
    instead: &'static str,
    allowed_in: &'static [&'static str],
}

const fn word(pattern: &'static str, instead: &'static str) -> Word {
    Word {
        pattern,
        instead,
        allowed_in: &[],
    }
}

const WORDS: [Word; 15] = [
    word(
        r"\ba usage( (of|at|that|is|was|in|on|by|posted|which|and|or)\b|[.,;:)]|$)",
        "a usage record, or usage",
    ),
    word(r"\busages\b", "usage records"),
    word(r"\b(owe[sd]?|owing|debts?)\b", "a deficit"),
    word(
        r"\b(pays?|(un)?paid|paying)\b",
        "usage draws from a grant, a grant covers usage",
    ),
    word(r"\b(take|takes|took|taken|taking)( \w+)? back\b", "retract"),
    Word {
        pattern: r"\bclassic\b",
        instead: "nothing: docs/classic.md is for those who come from the exercise",
        allowed_in: &["docs/classic.md"],
    },
    word(r"\bretry is known\b", "an idempotency key"),
    word(r"\bpass(es|ed) over\b", "ignores"),
    word(
        r"\bwho(ever)? (asks|posts|reads|waits|needs)\b",
        "the caller, or the thread that does",
    ),
    word(r"\bthe law\b", "the model"),
    word(r"\bas a rule\b", "usually"),
    word(r"\b(is|are|was|were) said\b", "what says it"),
    word(
        r"\bwins? over\b",
        "takes precedence, or which row applies first",
    ),
    word(r"\bunsettle[sd]?\b", "invalidates, stale"),
    word(r"\b(obviously|of course|simply|easily|just)\b", "nothing"),
];

#[test]
fn documents_use_the_words_of_the_glossary() {
    let mut found = String::new();
    for document in documents().into_iter().chain(rustdoc()) {
        let path = document.path.display();
        for word in &WORDS {
            if word.allowed_in.iter().any(|name| document.is(name)) {
                continue;
            }
            let pattern = compile(word.pattern);
            for paragraph in document.prose() {
                let text = without_link_targets(&paragraph.text);
                if let Some(used) = pattern.find(&text) {
                    let (line, used, instead) = (paragraph.line, used.as_str(), word.instead);
                    found += &format!("{path}:{line}: \"{used}\"; instead: {instead}\n");
                }
            }
        }
    }
    assert!(found.is_empty(), "words that are not used here:\n{found}");
}

#[test]
fn words_are_found_in_prose() {
    let finds = |text: &str| {
        WORDS
            .iter()
            .any(|word| compile(word.pattern).is_match(text))
    };
    for text in [
        "A usage of 4",
        "two usages",
        "nothing is owed",
        "the grant that pays",
        "as a\nrule",
    ] {
        assert!(finds(text), "{text}");
    }
    for text in [
        "a usage record",
        "prepaid",
        "payments",
        "the rule",
        "adjust",
    ] {
        assert!(!finds(text), "{text}");
    }
}

/// A space stands for any white space, a line's end among it.
fn compile(pattern: &str) -> regex::Regex {
    let pattern = pattern.replace(' ', r"\s+");
    RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .build()
        .unwrap()
}

/// Links say what their text says; where they lead is no prose.
fn without_link_targets(text: &str) -> String {
    compile(r"\]\([^)]*\)").replace_all(text, "]").into_owned()
}
