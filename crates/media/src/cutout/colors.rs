//! Taking the old background out of the colours of the soft edge.
use crate::picture::{Matte, Picture};
pub(super) fn clean(_color: &mut Picture, _matte: &Matte) {}
