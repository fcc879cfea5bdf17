"""The Ark OpenAPI: one signing client per profile, typed models and typed errors."""
