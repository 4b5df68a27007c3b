//! The files of the built page. Written by `npm run build` in `web/`.

/// What the files come to: the version in their addresses.
pub(super) const DIGEST: &str = "aca87e769eef54a0";

/// The page itself.
pub(super) const INDEX: &str = include_str!("../../web/dist/index.html");

/// Everything it loads, by name.
pub(super) const FILES: &[(&str, &[u8])] = &[
    ("ChatPage.js", include_bytes!("../../web/dist/ChatPage.js")),
    ("app.js", include_bytes!("../../web/dist/app.js")),
    ("favicon.svg", include_bytes!("../../web/dist/favicon.svg")),
    ("style.css", include_bytes!("../../web/dist/style.css")),
    ("theme.js", include_bytes!("../../web/dist/theme.js")),
    ("zh.js", include_bytes!("../../web/dist/zh.js")),
];
