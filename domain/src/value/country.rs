//! Countries, and premieres in them.

use serde::{Deserialize, Serialize};

use super::list::{ListRule, list_newtype};
use super::{InvalidValue, PremiereDate};
use crate::string_newtype::string_newtype;

/// The codes of ISO 3166-1, alpha-2, and `XK`, which is left to its users and which everybody uses for Kosovo.
const PRESENT: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";
/// The codes of ISO 3166-3, of countries that are no more: films are theirs for ever.
const FORMER: &str = "\
    AIDJ ANHH BQAQ BUMM BYAA CSHH CSXX CTKI DDDE DYBJ FQHH FXFR GEHH HVBF JTUM MIUM NHVU NQAQ NTHH PCHH PUUM PZPA \
    RHZW SKIN SUHH TPTL VDVN WKUM YDYE YUCS ZRCD";
const COUNTRIES: ListRule = ListRule {
    items: "countries",
    most: 50,
    twice: "DUPLICATE_COUNTRY",
};
const PREMIERES: ListRule = ListRule {
    items: "premieres",
    most: 250,
    twice: "DUPLICATE_COUNTRY",
};

string_newtype! {
    /// A country by its code of ISO 3166: `DE`; `SUHH` for one that is no more, here the Soviet Union.
    #[derive(Debug)]
    Country
}

impl Country {
    /// Parses a code of ISO 3166-1 alpha-2 or of ISO 3166-3, in any case.
    ///
    /// # Errors
    /// `UNKNOWN_COUNTRY` for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let code = text.to_ascii_uppercase();
        let known = match code.len() {
            2 => PRESENT,
            4 => FORMER,
            _ => "",
        };
        if known.split(' ').any(|one| !one.is_empty() && one == code) {
            Ok(Self(code))
        } else {
            Err(InvalidValue::new(
                "UNKNOWN_COUNTRY",
                "must be a code of ISO 3166, such as DE, or SUHH for a country that is no more",
            ))
        }
    }
}

list_newtype! {
    /// The countries a movie is from: 0-50, none twice. None means that none is known.
    Countries of Country, by COUNTRIES
}

impl Countries {
    /// Takes 0-50 countries, none twice.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_COUNTRY`.
    pub fn parse(countries: Vec<Country>) -> Result<Self, InvalidValue> {
        COUNTRIES.check(countries, Clone::clone).map(Self)
    }
}

/// When a movie is first shown in a country.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CountryPremiere {
    /// The country.
    pub country: Country,
    /// The day, the month or the year.
    pub date: PremiereDate,
}

list_newtype! {
    /// The premieres of a movie in countries: 0-250, one in each.
    CountryPremieres of CountryPremiere, by PREMIERES
}

impl CountryPremieres {
    /// Takes 0-250 premieres, one in each country.
    ///
    /// # Errors
    /// `TOO_LONG`, `DUPLICATE_COUNTRY`.
    pub fn parse(premieres: Vec<CountryPremiere>) -> Result<Self, InvalidValue> {
        PREMIERES
            .check(premieres, |premiere| premiere.country.clone())
            .map(Self)
    }
}
