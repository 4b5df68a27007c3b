#!/usr/bin/env bash
# rustdoc that may write JSON, which a stable one otherwise refuses. The permission is given to rustdoc alone: in the
# environment of cargo it would have dependencies built anew, here and at the next build without it.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
