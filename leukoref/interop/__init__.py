"""Patients from records and answers back into them: FHIR, CDS Hooks, OMOP, HL7 v2, phenopackets."""
