//! Objects: groups and datasets by their address, and paths to them.

use super::dataset::Dataset;
use super::datatype::Datatype;
use super::header::kind;
use super::layout::{Layout, Space};
use super::{Damage, File, filter};
use crate::foreign::value::Value;

/// Soft links that lead to soft links.
const MAX_HOPS: usize = 8;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To an object of this file, by its address.
    Object(u64),
    /// To a path of this file.
    Path(String),
    /// To another file, which is not followed.
    OtherFile,
    /// To nothing.
    None,
}

/// A name within a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) target: Target,
}

/// What is at an address.
#[derive(Debug)]
pub(crate) enum Kind {
    Group(Vec<Link>),
    Dataset(Box<Dataset>),
    /// A type that has a name, or what cannot be made out.
    Other,
}

/// An object, and what of it could not be read.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) attributes: Vec<(String, Value)>,
    pub(crate) kind: Kind,
    pub(crate) damages: Vec<Damage>,
}

impl Object {
    /// Its links, if it is a group.
    pub(crate) fn links(&self) -> &[Link] {
        match &self.kind {
            Kind::Group(links) => links,
            _ => &[],
        }
    }
}

impl File {
    /// Reads the object at an address.
    pub(crate) fn object(&self, at: u64) -> Result<Object, Damage> {
        let mut header = self.header(at)?;
        let mut damages = std::mem::take(&mut header.damages);
        let attributes = self.attributes(&header, &mut damages);
        let has = |kind: u16| header.messages.iter().any(|message| message.kind == kind);
        let kind = if has(kind::LAYOUT) {
            Kind::Dataset(Box::new(self.dataset(at, &header)?))
        } else if has(kind::SYMBOL_TABLE) || has(kind::LINK_INFO) || has(kind::LINK) {
            Kind::Group(self.links(&header, &mut damages))
        } else {
            Kind::Other
        };
        Ok(Object { attributes, kind, damages })
    }

    fn dataset(&self, at: u64, header: &super::header::Header) -> Result<Dataset, Damage> {
        const WHAT: &str = "a dataset";
        if header.messages.iter().any(|message| message.kind == kind::EXTERNAL_FILES) {
            return Err(Damage::new(WHAT, at, "elements within the file", "the names of other files"));
        }
        let message = |wanted: u16, what: &str| {
            let found = header.messages.iter().find(|message| message.kind == wanted);
            let found = found.ok_or_else(|| Damage::new(WHAT, at, format!("its {what}"), "none"))?;
            self.shared(found)
        };
        let space = message(kind::DATASPACE, "size")?;
        let space = Space::parse(self, &space.body).map_err(Damage::within(WHAT, space.at))?;
        let datatype = message(kind::DATATYPE, "type")?;
        let datatype = Datatype::parse(&datatype.body).map_err(Damage::within(WHAT, datatype.at))?;
        let layout = message(kind::LAYOUT, "layout")?;
        let layout = Layout::parse(self, &layout.body).map_err(Damage::within(WHAT, layout.at))?;
        let filters = match message(kind::FILTERS, "filters") {
            Ok(filters) => filter::parse(&filters.body).map_err(Damage::within(WHAT, filters.at))?,
            Err(_) => Vec::new(),
        };
        Ok(Dataset { at, space, datatype, layout, filters })
    }

    /// Where a link leads, soft links followed.
    pub(crate) fn follow(&self, link: &Link) -> Option<u64> {
        self.hop(&link.target, 0)
    }

    fn hop(&self, target: &Target, hops: usize) -> Option<u64> {
        match target {
            Target::Object(at) => Some(*at),
            Target::Path(path) if hops < MAX_HOPS => self.walk(path, hops + 1),
            _ => None,
        }
    }

    /// The address of the object at a path from the root, such as `data/demo_0/actions`.
    pub(crate) fn find(&self, path: &str) -> Option<u64> {
        self.walk(path, 0)
    }

    fn walk(&self, path: &str, hops: usize) -> Option<u64> {
        let mut at = self.root();
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".").take(64) {
            let object = self.object(at).ok()?;
            let link = object.links().iter().find(|link| link.name == name)?;
            at = self.hop(&link.target, hops)?;
        }
        Some(at)
    }
}
