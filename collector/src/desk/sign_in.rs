//! The page for people who are not signed in.

use askama::Template;

/// Where a sign-in link leads: a button, so that a program which only looks at the link does not use it up.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// The secret of the link, when there is one.
    pub link: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_needs_a_button_and_stays_text() {
        let page = SignIn { link: Some("\"><script>".to_owned()) }.render().unwrap();
        assert!(page.contains("<button") && !page.contains("<script"), "{page}");
        let page = SignIn { link: None }.render().unwrap();
        assert!(!page.contains("<button") && page.contains("wlcg-package-collector sign-in"), "{page}");
    }
}
