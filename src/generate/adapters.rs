//! The adapters of an engine, by name: loaded once, switched on and off between texts.

use std::sync::Arc;

use super::Engine;
use crate::adapter::AdapterFile;
use crate::model::{ActiveAdapters, Adapter};
use crate::{Error, ErrorKind, Result};

/// An adapter that an engine has.
#[derive(Clone, Debug)]
pub struct NamedAdapter {
    /// As its caller calls it.
    pub name: String,
    /// What its part is multiplied with when it is on.
    pub weight: f32,
    /// Whether texts go through it.
    pub is_enabled: bool,
    adapter: Arc<Adapter>,
}

impl NamedAdapter {
    /// How many layers it is beside.
    pub fn layers(&self) -> usize {
        self.adapter.layers()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.adapter.bytes()
    }
}

impl Engine {
    /// All adapters, in the order in which they were loaded.
    pub fn adapters(&self) -> &[NamedAdapter] {
        &self.named_adapters
    }

    /// Adds an adapter and switches it on.
    ///
    /// # Errors
    /// As [`Adapter::new`]; `InvalidArgument` for a name that is taken, or a weight that is no number.
    pub fn add_adapter(&mut self, name: String, file: AdapterFile, weight: f32) -> Result<()> {
        check_weight(weight)?;
        if self.named_adapters.iter().any(|adapter| adapter.name == name) {
            let message =
                format!("adapters: there is one that is called {name:?} already: unload it, or name this one");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let adapter = Arc::new(Adapter::new(self.model(), file)?);
        self.named_adapters.push(NamedAdapter { name, weight, is_enabled: true, adapter });
        self.apply_adapters();
        Ok(())
    }

    /// Switches an adapter on, with another weight if one is given.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that no adapter has, or a weight that is no number.
    pub fn enable_adapter(&mut self, name: &str, weight: Option<f32>) -> Result<()> {
        weight.map_or(Ok(()), check_weight)?;
        let adapter = self.adapter_named(name)?;
        (adapter.is_enabled, adapter.weight) = (true, weight.unwrap_or(adapter.weight));
        self.apply_adapters();
        Ok(())
    }

    /// Switches an adapter off. It stays in memory.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that no adapter has.
    pub fn disable_adapter(&mut self, name: &str) -> Result<()> {
        self.adapter_named(name)?.is_enabled = false;
        self.apply_adapters();
        Ok(())
    }

    /// Removes an adapter, and with it all that was kept of texts: some of it nobody could reach any more.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that no adapter has.
    pub fn remove_adapter(&mut self, name: &str) -> Result<()> {
        self.adapter_named(name)?;
        self.named_adapters.retain(|adapter| adapter.name != name);
        self.apply_adapters();
        self.clear_cache();
        Ok(())
    }

    fn adapter_named(&mut self, name: &str) -> Result<&mut NamedAdapter> {
        let names: Vec<String> = self.named_adapters.iter().map(|adapter| format!("{:?}", adapter.name)).collect();
        self.named_adapters.iter_mut().find(|adapter| adapter.name == name).ok_or_else(|| {
            let there =
                if names.is_empty() { "none is loaded".to_owned() } else { format!("loaded are {}", names.join(", ")) };
            Error::new(ErrorKind::InvalidArgument, format!("adapters: none is called {name:?}: {there}"))
        })
    }

    fn apply_adapters(&mut self) {
        let enabled = self.named_adapters.iter().filter(|adapter| adapter.is_enabled);
        let parts = enabled.map(|adapter| (Arc::clone(&adapter.adapter), adapter.weight));
        self.set_adapters(ActiveAdapters::new(parts.collect()));
    }
}

fn check_weight(weight: f32) -> Result<()> {
    if weight.is_finite() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, format!("weight: expected a finite number, found {weight}")))
}
