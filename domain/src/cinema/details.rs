//! What is told of a cinema, apart from what it shows.

use serde::{Deserialize, Serialize};

use crate::{Address, CinemaEvent, CinemaName, CityId, TimeZone};

/// The details of a cinema: everything but its programme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CinemaDetails {
    /// Name as shown.
    pub name: CinemaName,
    /// The city it stands in.
    pub city_id: CityId,
    /// Where in the city.
    pub address: Address,
    /// IANA time zone its days are counted in.
    pub time_zone: TimeZone,
}

impl CinemaDetails {
    pub(super) fn into_updated(self) -> CinemaEvent {
        let Self {
            name,
            city_id,
            address,
            time_zone,
        } = self;
        CinemaEvent::DetailsUpdated {
            name,
            city_id,
            address,
            time_zone,
        }
    }
}
