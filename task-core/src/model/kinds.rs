/// Declares an enum whose variants are event kinds: the one list of their names, and how each is written and read.
/// `Other` keeps a kind that this version does not know, byte for byte.
macro_rules! kinds {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident {
            $( $(#[$doc:meta])* $variant:ident($body:ident) = $kind:literal, )*
        }
    ) => {
        $(#[$meta])*
        pub enum $enum {
            $( $(#[$doc])* $variant($body), )*
            /// A kind written by a newer version; it passes through unchanged.
            Other {
                /// Its name.
                kind: String,
                /// Its fields, as one JSON object.
                data: Json,
            },
        }

        impl $enum {
            /// The names of all kinds of this enum.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The name of the kind, as on the wire.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $( Self::$variant(_) => $kind, )*
                    Self::Other { kind, .. } => kind,
                }
            }

            /// Appends the fields as one JSON object.
            pub(crate) fn write(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
                match self {
                    $( Self::$variant(body) => serde_json::to_writer(json, body), )*
                    Self::Other { data, .. } => {
                        json.extend_from_slice(data.as_str().as_bytes());
                        Ok(())
                    }
                }
            }

            /// Reads the fields of an event of a known kind; `None` for any other kind, or when the fields do not
            /// have the shape this version expects.
            pub(crate) fn read(kind: &str, json: &str) -> Option<Self> {
                match kind {
                    $( $kind => serde_json::from_str(json).ok().map(Self::$variant), )*
                    _ => None,
                }
            }
        }

        $(
            impl From<$body> for $enum {
                fn from(body: $body) -> Self {
                    Self::$variant(body)
                }
            }
        )*
    };
}
pub(crate) use kinds;
