/// Characters that a cell of a table has for a sentence.
const WIDTH: usize = 120;

/// What of a text fits into a cell: all of it, or its beginning up to where a part of it ends, with `…`.
pub fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((limit, _)) = text.char_indices().nth(WIDTH) else { return text };
    let head = text.get(..limit).unwrap_or_default();
    // Not so early that nothing is said.
    let ends = [". ", "; ", ": ", ", ", " ("].into_iter().filter_map(|mark| head.rfind(mark));
    let end = ends.filter(|end| *end > limit / 3).max().or_else(|| head.rfind(' ')).unwrap_or(limit);
    format!("{}…", head.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_ends_where_a_part_of_it_does() {
        assert_eq!(sentence("short\n  and sweet"), "short and sweet");
        let refused = "its pod is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false \
                       (container \"job\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities";
        assert_eq!(
            sentence(refused),
            "its pod is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false…"
        );
        assert_eq!(sentence(&"ä".repeat(200)), "ä".repeat(120) + "…");
        assert_eq!(sentence(&"word ".repeat(40)).chars().count(), 120);
    }
}
