//! A look-up as arrays, statements and rows.

use gpu_credit_store::{Head, LookedUp, StorageProblem, Wanted};
use tokio_postgres::Row;

use crate::append::digest;
use crate::connection::Live;
use crate::failure::{other, problem};
use crate::journal::Parameter;
use crate::rows::{self, HEAD_COLUMNS, signed};

/// What is wanted, as arrays.
pub(crate) struct Arrays<'w> {
    pub(crate) names: Vec<&'w str>,
    places: Vec<i64>,
    names_of_ids: Vec<&'w str>,
    ids: Vec<&'w str>,
    deletion: Option<(Vec<u8>, &'w str)>,
}

impl<'w> Arrays<'w> {
    pub(crate) fn of(wanted: &Wanted<'w>) -> Self {
        let ids = wanted.ids.iter().enumerate();
        let ids = ids.filter(|(_, (_, id))| is_kept(id.as_str()));
        let mut arrays = Arrays {
            names: kept(&wanted.names),
            places: Vec::new(),
            names_of_ids: Vec::new(),
            ids: Vec::new(),
            deletion: wanted
                .deletion
                .map(|(name, id)| (digest(name), id.as_str())),
        };
        for (place, (name, id)) in ids {
            let name = wanted.names[*name];
            if is_kept(name) {
                arrays.places.push(signed(place as u64));
                arrays.names_of_ids.push(name);
                arrays.ids.push(id.as_str());
            }
        }
        arrays
    }
}

/// What was found, as rows.
pub(crate) struct Found {
    heads_and_ids: Vec<Row>,
    /// If it is deleted, the heads after that is known.
    heads_afterwards: Option<Vec<Row>>,
}

impl Found {
    pub(crate) fn read(&self, wanted: &Wanted<'_>) -> Result<LookedUp, StorageProblem> {
        let (mut found, mut there) = (vec![None; wanted.ids.len()], Vec::new());
        for row in &self.heads_and_ids {
            let head = rows::head_at(row, 1)?;
            let place: Option<i64> = row.try_get(0).map_err(|error| problem(&error))?;
            let Some(place) = place else {
                there.push(head);
                continue;
            };
            let place = usize::try_from(place).ok();
            let place = place.and_then(|place| found.get_mut(place));
            *place.ok_or_else(|| other("a row that was not asked for"))? =
                rows::entry(&head.account, row, 1 + HEAD_COLUMNS)?;
        }
        Ok(LookedUp {
            heads: match &self.heads_afterwards {
                Some(rows) => heads(&wanted.names, rows)?,
                None => in_order(&wanted.names, there),
            },
            found,
            is_deleted: self.heads_afterwards.is_some(),
        })
    }
}

/// Looks up what is wanted on a connection.
pub(crate) async fn look_up(
    live: &Live,
    wanted: &Arrays<'_>,
) -> Result<Found, tokio_postgres::Error> {
    let (client, statements) = (&live.client, &live.statements);
    let deletion = async {
        match &wanted.deletion {
            None => Ok(Vec::new()),
            Some((digest, id)) => client.query(&statements.deletion, &[digest, id]).await,
        }
    };
    let parameters: [Parameter<'_>; 4] = [
        &wanted.names,
        &wanted.places,
        &wanted.names_of_ids,
        &wanted.ids,
    ];
    let heads_and_ids = client.query(&statements.look_up, &parameters);
    let (heads_and_ids, deletion) = tokio::try_join!(heads_and_ids, deletion)?;
    let heads_afterwards = match deletion.is_empty() {
        true => None,
        false => Some(client.query(&statements.heads, &parameters[..1]).await?),
    };
    Ok(Found {
        heads_and_ids,
        heads_afterwards,
    })
}

/// Whether a text can be kept: the server's texts have no NUL.
pub(crate) fn is_kept(text: &str) -> bool {
    !text.contains('\0')
}

pub(crate) fn kept<'t>(texts: &[&'t str]) -> Vec<&'t str> {
    let texts = texts.iter().copied();
    texts.filter(|text| is_kept(text)).collect()
}

/// The heads of rows, in the order of the names.
pub(crate) fn heads(names: &[&str], rows: &[Row]) -> Result<Vec<Option<Head>>, StorageProblem> {
    let read = rows.iter().map(|row| rows::head_at(row, 0));
    Ok(in_order(names, read.collect::<Result<_, _>>()?))
}

fn in_order(names: &[&str], mut heads: Vec<Head>) -> Vec<Option<Head>> {
    heads.sort_unstable_by(|one, other| one.account.name.cmp(&other.account.name));
    let find = |name: &&str| {
        let place = heads.binary_search_by(|head| (*head.account.name).cmp(name));
        place.ok().map(|place| heads[place].clone())
    };
    names.iter().map(find).collect()
}
