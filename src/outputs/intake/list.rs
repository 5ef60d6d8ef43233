use std::io::BufRead;

use super::item::{Wrong, read_item};
use super::json::{Broken, Json};
use crate::outputs::archive::{Packed, Packer};
use crate::outputs::collection::{NEITHER, NO_OUTPUTS, no_list, problem, unknown_list};
use crate::outputs::{Category, OutputsError};

/// A list that is being read: what it has become, and what is wrong with it.
struct List {
    packer: Packer,
    problems: Vec<String>,
}

/// Reads `{renderable, downloadable}`. The inner error holds every problem, as if all of it had been in memory.
pub(super) fn read_outputs(
    json: &mut Json<impl BufRead>,
    large: bool,
) -> Result<Result<Packed, OutputsError>, Broken> {
    let invalid = |problems| Ok(Err(OutputsError::Invalid { problems }));
    if json.peek()? != b'{' {
        json.skip()?;
        return invalid(vec![NO_OUTPUTS.into()]);
    }
    let (mut renderable, mut downloadable, mut unknown) = (None, None, Vec::new());
    json.object(|json, key| {
        let category = Category::ALL.into_iter().find(|c| c.as_str() == key);
        match category {
            Some(category @ Category::Renderable) => renderable = Some(read_list(json, category, large)?),
            Some(category @ Category::Downloadable) => downloadable = Some(read_list(json, category, large)?),
            None => {
                json.skip()?;
                unknown.push(unknown_list(&key));
            }
        }
        Ok(())
    })?;
    let nothing = renderable.is_none() && downloadable.is_none();
    let empty = || List { packer: Packer::new(large), problems: Vec::new() };
    let (renderable, downloadable) = (renderable.unwrap_or_else(empty), downloadable.unwrap_or_else(empty));
    let mut problems = renderable.problems;
    problems.extend(downloadable.problems);
    if nothing {
        problems.push(NEITHER.into());
    }
    problems.extend(unknown);
    if !problems.is_empty() {
        return invalid(problems);
    }
    let finish = |packer: Packer| packer.finish().map_err(Broken::Sink);
    Ok(Ok(Packed { renderable: finish(renderable.packer)?, downloadable: finish(downloadable.packer)? }))
}

fn read_list(json: &mut Json<impl BufRead>, category: Category, large: bool) -> Result<List, Broken> {
    let (mut packer, mut problems) = (Packer::new(large), Vec::new());
    if json.peek()? != b'[' {
        json.skip()?;
        return Ok(List { packer, problems: vec![no_list(category)] });
    }
    let mut index = 0;
    json.array(|json| {
        if let Err(Wrong { title, what }) = read_item(json, &mut packer)? {
            problems.push(problem(category, index, title.as_deref(), &what));
        }
        index += 1;
        Ok(())
    })?;
    Ok(List { packer, problems })
}
