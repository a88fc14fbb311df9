//! What a misspelt name was probably meant to be.

/// A name is taken for a misspelling of another one if they are at least so similar.
const SIMILAR: f64 = 0.8;

/// The known name that is most similar to `name`, if it is similar enough.
pub(crate) fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |name: &str| name.to_lowercase().replace('-', "_");
    let name = folded(name);
    let scored = known
        .into_iter()
        .map(|other| (strsim::jaro_winkler(&name, &folded(other)), other));
    scored
        .filter(|(score, _)| *score >= SIMILAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// `; did you mean "NAME"?`, or nothing.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    similar(name, known).map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::similar;

    #[test]
    fn misspelt_names() {
        let known = [
            "bearer_file",
            "bearer_env",
            "basic_user",
            "format",
            "http_pool",
        ];
        for (name, meant) in [
            ("bearer_flie", Some("bearer_file")),
            ("bearer-env", Some("bearer_env")),
            ("Format", Some("format")),
            ("formt", Some("format")),
            ("http_pol", Some("http_pool")),
            ("pool", None),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(similar(name, known), meant, "{name}");
        }
    }
}
