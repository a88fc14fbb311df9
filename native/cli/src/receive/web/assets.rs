//! The files of the page, which are part of the program. None of them names anything outside.

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal $kind:ident $file:literal;)*) => {
        const FILES: &[(&str, &str, &str)] = &[
            $(($path, $kind, include_str!(concat!("../../../page/", $file))),)*
        ];
    };
}

files! {
    "/" HTML "index.html";
    "/page.css" CSS "page.css";
    "/main.js" SCRIPT "main.js";
    "/elements.js" SCRIPT "elements.js";
    "/list.js" SCRIPT "list.js";
    "/details.js" SCRIPT "details.js";
    "/answers.js" SCRIPT "answers.js";
    "/icon.svg" SVG "icon.svg";
}

/// The type and the content of the file at that path.
pub(super) fn find(path: &str) -> Option<(&'static str, &'static str)> {
    let mut files = FILES.iter();
    let (_, kind, content) = files.find(|(known, _, _)| *known == path)?;
    Some((kind, content))
}

#[cfg(test)]
mod tests {
    use super::FILES;

    /// The policy forbids all of this too; it would be a page that does not work.
    #[test]
    fn nothing_in_the_page_is_inline_or_from_elsewhere_or_made_of_text() {
        for (path, _, content) in FILES {
            let namespace = content.replace("http://www.w3.org/2000/svg", "");
            for bad in [
                "http://",
                "https://",
                "style=\"",
                "onclick",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
            ] {
                assert!(!namespace.contains(bad), "{path}: {bad}");
            }
        }
    }
}
