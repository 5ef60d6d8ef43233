use std::collections::BTreeMap;

use super::FieldChange;

/// Whether a conflict is one of words alone: none of the fields that others own would change its value. Servers write
/// what they were given another way (they fill in defaults within lists that count as one value), and then take a second
/// manager who wants the very same for one who wants something else.
///
/// `conflicts` are the fields by manager as a server names them (`.spec.containers[name="api"].image`). When in doubt,
/// the answer is no.
pub fn changes_nothing(conflicts: &BTreeMap<String, Vec<String>>, changes: &[FieldChange]) -> bool {
    let changed: Vec<Vec<String>> = changes.iter().map(|c| steps(&c.path)).collect();
    let owned = conflicts.values().flatten().map(|field| steps(field));
    owned.into_iter().all(|field| {
        !field.is_empty()
            && !changed.iter().any(|change| field.iter().zip(change).all(|(ours, theirs)| ours == theirs))
    })
}

/// The names on the way to a field, without what tells the items of a list apart: the two sides write that differently,
/// so items of one list count as the same.
fn steps(path: &str) -> Vec<String> {
    let mut plain = String::new();
    let (mut depth, mut quoted) = (0_u32, false);
    for c in path.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(conflict: &str, changed: &[&str]) -> bool {
        let conflicts = BTreeMap::from([("kubectl".to_owned(), vec![conflict.to_owned()])]);
        let changes: Vec<FieldChange> = changed
            .iter()
            .map(|p| FieldChange { path: (*p).to_owned(), before: None, after: None })
            .collect();
        changes_nothing(&conflicts, &changes)
    }

    #[test]
    fn only_fields_that_keep_their_values_are_no_conflict() {
        assert!(nothing(".spec.volumeClaimTemplates", &[]));
        assert!(nothing(".spec.volumeClaimTemplates", &["metadata.labels.\"app.kubernetes.io/name\""]));
        assert!(!nothing(
            ".spec.volumeClaimTemplates",
            &["spec.volumeClaimTemplates[0].spec.storageClassName"]
        ));
        assert!(!nothing(
            ".spec.template.spec.containers[name=\"a\"].image",
            &["spec.template.spec.containers[a].image"]
        ));
        assert!(!nothing(".spec.template.spec", &["spec.template.spec.containers[a].image"]));
        assert!(!nothing(
            ".metadata.labels.app.kubernetes.io/name",
            &["metadata.labels.\"app.kubernetes.io/name\""]
        ));
        assert!(!nothing(".spec.ports[port=80,protocol=\"TCP\"].targetPort", &["spec.ports"]));
        assert!(!nothing("", &[]), "what isn't understood");
    }
}
