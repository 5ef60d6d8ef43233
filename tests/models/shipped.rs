//! The configuration in `config/` is right, for csw and for editors.

use std::path::Path;

use csw::config::{self, Sources};
use csw::model::{ClusterType, Entry, RepoLocation};

#[test]
fn what_is_shipped_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalog = config::load(&Sources::files(root.join("config"))).unwrap();
    assert!(catalog.diagnostics().is_empty());
    let names: Vec<String> = catalog.models().map(|m| m.name.to_string()).collect();
    assert_eq!(names, ["Examples/Epidemic", "Examples/Solow", "PSLmodels/OG-USA", "PSLmodels/Tax-Cruncher"]);
    let og = catalog.find("pslmodels/og-usa").unwrap();
    assert_eq!((og.cluster_type, og.replicas), (ClusterType::Dask, 2));
    for pair in [&og.resources.requests, &og.resources.limits] {
        assert_eq!((pair.cpu.millis(), pair.memory.bytes()), (2000, 7_000_000_000));
    }
    let solow = catalog.find("Examples/Solow").unwrap();
    assert_eq!(solow.repo, Some(RepoLocation::Path(root.join("examples/solow"))));
    assert_eq!(solow.entry, Entry::Python { interpreter: None });
    let epidemic = catalog.find("Examples/Epidemic").unwrap();
    assert_eq!(epidemic.entry, Entry::Command { argv: vec!["sh".into(), "run.sh".into()] });
    for example in [solow, epidemic] {
        let Some(RepoLocation::Path(path)) = &example.repo else { panic!("{:?}", example.repo) };
        assert!(path.is_dir(), "{}", path.display());
    }
}
